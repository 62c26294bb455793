"""Time zones as people write them: which there are, and the one that a misspelt name is nearest to."""

import difflib
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

TIME_ZONE = "time_zone"
"""The feature of a profile or context by which quiet hours know the clock on the unit's wall."""

_LONGEST = 40
"""Characters of the longest names, with room for slips: what is longer resembles none."""
_ALIKE = 0.8


@lru_cache(4096)
def is_zone(name: str) -> bool:
    """Whether the IANA database has this zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def zone_fault(value: object) -> str | None:
    """What is wrong with a value that should name a zone, with the nearest one that there is; None where it does."""
    if isinstance(value, str) and is_zone(value):
        return None
    near = nearest_zone(value) if isinstance(value, str) else None
    remedy = "write e.g. Europe/Berlin" if near is None else f"did you mean {near}?"
    return f"{value!r:.80} is no IANA time zone; {remedy}"


@lru_cache(4096)
def nearest_zone(name: str) -> str | None:
    """The zone that is written like this but for capitals and blanks, that ends so (`Berlin`), or resembles it most."""
    wanted = name.strip().replace(" ", "_").casefold()
    if not 2 < len(wanted) <= _LONGEST:
        return None
    zones, cities = _zones()
    if found := zones.get(wanted) or cities.get(wanted):
        return found
    if any(letter.isdigit() for letter in wanted):  # an offset: one that looks like it is another time
        return None
    # Names that begin otherwise are left alone: comparing with all would cost a list of wrong profiles seconds.
    near = difflib.get_close_matches(wanted, [each for each in zones if each[0] == wanted[0]], 1, _ALIKE)
    return zones[near[0]] if near else None


@cache
def _zones() -> tuple[dict[str, str], dict[str, str]]:
    """Name without capitals → name, and city → name."""
    names = sorted(available_timezones())
    in_regions = [name for name in names if "/" in name and not name.startswith("Etc/")]
    return {name.casefold(): name for name in names}, {
        name.rpartition("/")[2].casefold(): name for name in reversed(in_regions)
    }
