"""What a unit's id and profile may be."""

from collections.abc import Mapping
from typing import Any

from experiments.errors import Fault
from experiments.model.checks.shape import escape, is_storable, value_faults
from experiments.model.erasing import is_pseudonym
from experiments.model.zones import TIME_ZONE, zone_fault

MAX_UNIT_ID = 512
MAX_FEATURES = 1000
MAX_NAME = 200
MAX_TEXT = 1000


def unit_id_faults(unit_id: str) -> list[Fault]:
    """Why no database would keep this id."""
    if not 1 <= len(unit_id) <= MAX_UNIT_ID:
        return [Fault("", f"a unit's id has 1 to {MAX_UNIT_ID} characters")]
    if is_pseudonym(unit_id):
        return [Fault("", "this is what stands in the place of a person who was erased, and nobody's id")]
    return [] if is_storable(unit_id) else [Fault("", "the unit's id contains a NUL or half of a surrogate pair")]


def profile_faults(profile: Mapping[str, Any], where: str) -> list[Fault]:
    """Why this cannot be a profile: too much of it, names or values that are none, texts that are too long."""
    if len(profile) > MAX_FEATURES:
        return [Fault(where, f"has {len(profile):,} features; at most {MAX_FEATURES:,} are kept")]
    faults = value_faults(dict(profile), where)
    for name, value in profile.items():
        inside = f"{where}/{escape(name)}"
        if not 1 <= len(name) <= MAX_NAME:
            faults.append(Fault(inside, f"a name has 1 to {MAX_NAME} characters"))
        if not isinstance(value, str | int | float | None):
            faults.append(Fault(inside, "must be a number, a text, a truth value or null"))
        elif isinstance(value, str) and len(value) > MAX_TEXT:
            faults.append(Fault(inside, f"is longer than {MAX_TEXT} characters"))
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            faults.append(Fault(inside, "is beyond 64 bits"))
        elif name == TIME_ZONE and value is not None and (detail := zone_fault(value)):
            faults.append(Fault(inside, detail))
    return faults
