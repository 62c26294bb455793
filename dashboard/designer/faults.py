"""Faults beside what they are about: the field that holds the place, else the part."""

from collections.abc import Sequence

from dashboard.designer.edits import CONDITION_PARTS
from dashboard.designer.parts import part_of
from experiments.errors import Fault

Place = tuple[str, str]
"""Where a field writes, and its kind."""


def placed(faults: Sequence[Fault], fields: Sequence[Place]) -> tuple[list[str], dict[str, list[str]]]:
    """What each field has wrong (empty: nothing), and what is wrong beside the fields, by part."""
    errors = [""] * len(fields)
    rest: dict[str, list[str]] = {}
    for fault in faults:
        found = _field(fault.pointer, fields)
        if found is None:
            rest.setdefault(part_of(fault.pointer), []).append(fault.detail)
        else:
            errors[found] = "; ".join(filter(None, [errors[found], fault.detail]))
    return errors, rest


def _field(pointer: str, fields: Sequence[Place]) -> int | None:
    best, length = None, -1
    for number, (at, kind) in enumerate(fields):
        place, _, row = at.partition("#")
        if not _within(pointer, place) or kind in ("match", "holdout"):
            continue
        if kind in CONDITION_PARTS and not _row_of(pointer[len(place) :], kind, row):
            continue
        if len(place) > length:
            best, length = number, len(place)
    return best


def _within(pointer: str, place: str) -> bool:
    return pointer == place or pointer.startswith(place + "/")


def _row_of(inner: str, kind: str, row: str) -> bool:
    """Whether a place inside of a rule is about this field of this row."""
    steps = inner.split("/")[1:]
    if steps[:1] and steps[0] in ("and", "or"):
        if len(steps) < 2 or steps[1] != row:
            return False
    elif row != "0":
        return False
    return kind == ("feature" if "var" in steps or "missing" in steps else "operand")
