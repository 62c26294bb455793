"""Every fault of a body at once: msgspec stops at the first, so a refused body is read again part by part."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Struct

from experiments.errors import Fault
from experiments.model.checks.shape import MOST_ITEMS, MOST_MEMBERS
from experiments.model.designing.wording import in_words

MOST_FAULTS = 100
_PATH_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


class _Field(NamedTuple):
    """How a field is checked: as a whole, and where it is an object of one kind of values, entry by entry."""

    required: bool
    whole: type[Struct]
    key: type[Struct] | None
    value: type[Struct] | None


def faults_of(kind: type[Struct], body: bytes | msgspec.Raw, most: int = MOST_FAULTS) -> list[Fault]:
    """What keeps the body from being a `kind`: the first faults, and that there are more.

    Raises DecodeError where it is not JSON at all.
    """
    found = msgspec.json.decode(body)
    if not isinstance(found, dict):
        return [Fault("", f"must be an object, not {_kind_of(found)}")]
    if len(found) > MOST_MEMBERS:
        return [Fault("", f"has {len(found):,} members; an object may have {MOST_MEMBERS:,}")]
    every = _faults_of_members(_fields_of(kind), found)
    faults = list(islice(every, most))
    more = sum(1 for _ in islice(every, MOST_MEMBERS))
    return [*faults, Fault("", f"and {more:,} more{'' if more < MOST_MEMBERS else ' at least'}")] if more else faults


def _faults_of_members(fields: dict[str, _Field], found: dict[str, Any]) -> Iterator[Fault]:
    known = "unknown; known: " + ", ".join(fields)
    for name in found:
        if name not in fields:
            yield Fault(_pointer(name), known)
            known = "unknown"  # a body of a thousand unknown names need not hear a thousand times what is known
    for name, field in fields.items():
        if name in found:
            yield from _faults_of_value(field, found[name], _pointer(name))
        elif field.required:
            yield Fault(_pointer(name), "required")


def _faults_of_value(field: _Field, value: Any, pointer: str) -> Iterator[Fault]:
    if isinstance(value, dict) and len(value) > MOST_MEMBERS:
        yield Fault(pointer, f"has {len(value):,} members; an object may have {MOST_MEMBERS:,}")
        return
    if isinstance(value, list) and len(value) > MOST_ITEMS:
        yield Fault(pointer, f"has {len(value):,} items; a list may have {MOST_ITEMS:,}")
        return
    sound = True
    if field.key is not None and field.value is not None and isinstance(value, dict):
        for name, each in value.items():
            for fault in _fault(field.key, name, pointer, name) or _fault(field.value, each, pointer, name):
                sound = False
                yield fault
    if sound:
        yield from _fault(field.whole, value, pointer)


@cache
def _fields_of(kind: type[Struct]) -> dict[str, _Field]:
    found = {}
    for field in msgspec.structs.fields(kind):
        key, value = _entry_types(field.type) or (None, None)
        found[field.encode_name] = _Field(
            field.required, _holder(field.type), key and _holder(key), value and _holder(value)
        )
    return found


def _holder(kind: Any) -> type[Struct]:
    """A Struct around one value: msgspec learns what a Struct holds once, and any other type anew with each value."""
    return msgspec.defstruct("Holder", [("value", kind)])


def _entry_types(kind: Any) -> tuple[Any, Any] | None:
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(bare) is not dict:
        return None
    key, value = get_args(bare)
    return key, value


def _fault(holder: type[Struct], value: Any, pointer: str, name: str | None = None) -> list[Fault]:
    try:
        msgspec.convert({"value": value}, holder)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `")
        known, _, _ = path.removesuffix("`").partition("[...]")
        _, *inner = [step or place for step, place in _PATH_PART.findall(known)]
        steps = inner if name is None else [name, *inner]
        return [Fault(pointer + "".join(_pointer(step) for step in steps), in_words(sentence))]
    return []


def _pointer(name: str) -> str:
    return "/" + name[:200].replace("~", "~0").replace("/", "~1")


def _kind_of(value: object) -> str:
    names = {list: "an array", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
