"""Every fault of a body at once: msgspec stops at the first, so a refused body is read again part by part."""

import re
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Struct

from experiments.errors import Fault
from experiments.model.wording import in_words

MOST_FAULTS = 100
_PATH_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def faults_of(kind: type[Struct], body: bytes | msgspec.Raw) -> list[Fault]:
    """What keeps the body from being a `kind`. Raises DecodeError where it is not JSON at all."""
    found = msgspec.json.decode(body)
    if not isinstance(found, dict):
        return [Fault("", f"must be an object, not {_kind_of(found)}")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    faults = [Fault(_pointer(name), "unknown; known: " + ", ".join(fields)) for name in found if name not in fields]
    for name, field in fields.items():
        if name in found:
            faults += _faults_of_value(field.type, found[name], _pointer(name))
        elif field.required:
            faults.append(Fault(_pointer(name), "required"))
    return faults[:MOST_FAULTS]


def _faults_of_value(kind: Any, value: Any, pointer: str) -> list[Fault]:
    entry = _entry_type(kind)
    if entry is None or not isinstance(value, dict):
        return _fault(kind, value, pointer)
    key, inner = entry
    faults = []
    for name, each in value.items():
        faults += _fault(key, name, pointer + _pointer(name)) or _fault(inner, each, pointer + _pointer(name))
        if len(faults) >= MOST_FAULTS:
            return faults
    return faults or _fault(kind, value, pointer)


def _entry_type(kind: Any) -> tuple[Any, Any] | None:
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(bare) is not dict:
        return None
    key, value = get_args(bare)
    return key, value


def _fault(kind: Any, value: Any, pointer: str) -> list[Fault]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `")
        known, _, _ = path.removesuffix("`").partition("[...]")
        inner = "".join(_pointer(name or place) for name, place in _PATH_PART.findall(known))
        return [Fault(pointer + inner, in_words(sentence))]
    return []


def _pointer(name: str) -> str:
    return "/" + name[:200].replace("~", "~0").replace("/", "~1")


def _kind_of(value: object) -> str:
    names = {list: "an array", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
