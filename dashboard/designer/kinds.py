"""What a field shows of a value, and what is written for what is typed. To add a kind: one line in KINDS."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo


class Kind(NamedTuple):
    """`read(value, zone)` is shown; `write(shown, zone)` is stored. What is wrong is stored as typed, so that the
    service says what is wrong with it."""

    read: Callable[[Any, ZoneInfo], Any]
    write: Callable[[Any, ZoneInfo], Any]


def _given(value: Any, _zone: ZoneInfo) -> Any:
    return value


def _text(value: Any, _zone: ZoneInfo) -> str:
    return "" if value is None else str(value)


def _filled(value: Any, _zone: ZoneInfo) -> Any:
    return None if value in ("", None) else value


def _number(value: Any, _zone: ZoneInfo) -> Any:
    return "" if value is None else value


def _percent(value: Any, _zone: ZoneInfo) -> Any:
    return round(100 * value, 10) if _is_number(value) else ""


def _share(value: Any, _zone: ZoneInfo) -> Any:
    return round(value / 100, 12) if _is_number(value) else _filled(value, _zone)


def _flag(value: Any, _zone: ZoneInfo) -> str:
    return "yes" if value else "no"


def _truth(value: Any, _zone: ZoneInfo) -> bool:
    return bool(value == "yes")


def _local(value: Any, zone: ZoneInfo) -> str | None:
    """The clock on the wall of the experiment's zone, to the second."""
    if not isinstance(value, str):
        return None
    return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _instant(value: Any, zone: ZoneInfo) -> Any:
    if not value:
        return None
    try:
        local = datetime.fromisoformat(str(value)).replace(tzinfo=zone)
    except ValueError:
        return value
    return local.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


KINDS: dict[str, Kind] = {
    "text": Kind(_text, _text),
    "optional": Kind(_text, _filled),
    "number": Kind(_number, _filled),
    "percent": Kind(_percent, _share),
    "choice": Kind(_given, _filled),
    "arm": Kind(_given, _filled),
    "flag": Kind(_flag, _truth),
    "tags": Kind(lambda value, _zone: value or [], lambda shown, _zone: list(shown or [])),
    "moment": Kind(_local, _instant),
}
"""Name → how it is shown and written. Fields that stand for more than one value are in `edits`."""


def zone_of(document: dict[str, Any]) -> ZoneInfo:
    """The experiment's time zone; UTC while it names none that there is."""
    try:
        return ZoneInfo(str(document.get("time_zone") or "UTC"))
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
