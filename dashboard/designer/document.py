"""Places in a definition, by JSON pointer (RFC 6901). Nothing here changes what it is given."""

from collections.abc import Iterator, Mapping
from typing import Any

from experiments.model.checks.shape import escape
from experiments.model.designing.definition import Definition

Json = dict[str, Any]
Step = str | int

_LEAST = Definition.model_validate({"key": "x", "arms": [{"key": "x"}], "variants": [
    {"key": "x", "share": 1, "policy": {"name": "uniform"}}]}).model_dump(mode="json", exclude={"salt"})  # fmt: skip
OPTIONAL = frozenset(_LEAST) - {"key", "arms", "variants"}
"""Fields of a definition that have a default."""

LOCATED = ("key", "arms", "variants")


def pointer(*steps: Step) -> str:
    """The pointer to a place."""
    return "".join(f"/{escape(step)}" for step in steps)


def steps_of(place: str) -> list[str]:
    """Its steps."""
    return [step.replace("~1", "/").replace("~0", "~") for step in place.split("/")[1:]]


def look(document: Any, place: str) -> Any:
    """What is there; None where nothing is."""
    for step in steps_of(place):
        document = _inside(document, step)
    return document


def has(document: Any, place: str) -> bool:
    """Whether the thing that would hold the place is there, so that it can be written."""
    steps = steps_of(place)
    holder = look(document, pointer(*steps[:-1]))
    if isinstance(holder, list):
        return steps[-1].isdecimal() and int(steps[-1]) < len(holder)
    return isinstance(holder, dict)


def put(document: Any, place: str, value: Any) -> Any:
    """A copy with the value there; the document itself where there is no such place."""
    return _put(document, steps_of(place), value) if has(document, place) else document


def without(document: Any, place: str) -> Any:
    """A copy with the item of a list, or the name in an object, gone."""
    steps = steps_of(place)
    above, last = pointer(*steps[:-1]), steps[-1]
    holder = look(document, above)
    if isinstance(holder, list):
        kept: Any = [item for at, item in enumerate(holder) if str(at) != last]
    elif isinstance(holder, dict):
        kept = {name: item for name, item in holder.items() if name != last}
    else:
        return document
    return _put(document, steps[:-1], kept)


def _inside(node: Any, step: str) -> Any:
    if isinstance(node, list):
        return node[int(step)] if step.isdecimal() and int(step) < len(node) else None
    return node.get(step) if isinstance(node, Mapping) else None


def _put(node: Any, steps: list[str], value: Any) -> Any:
    if not steps:
        return value
    if isinstance(node, list):
        place = int(steps[0])
        return [_put(item, steps[1:], value) if at == place else item for at, item in enumerate(node)]
    return {**node, steps[0]: _put(node.get(steps[0]), steps[1:], value)}


def patch_between(before: Json, after: Json) -> Json:
    """The merge patch (RFC 7386) that makes `after` of `before`."""
    patch: Json = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            inner = patch_between(old, value)
            patch |= {name: inner} if inner else {}
        elif value != old or name not in before:
            patch[name] = value
    return patch


def concise(document: Json) -> Json:
    """The document without what would be filled in anyway, as a person would write it."""
    told = {name: value for name, value in document.items() if name not in OPTIONAL or value != _LEAST[name]}
    for part, example in (("arms", _LEAST["arms"][0]), ("variants", _LEAST["variants"][0])):
        told[part] = [
            {name: value for name, value in each.items() if name in _ALWAYS or value != example.get(name)}
            for each in document.get(part, [])
        ]
    return told


_ALWAYS = frozenset({"key", "share", "policy"})


def places(document: Any, at: str = "") -> Iterator[str]:
    """Every place of a document, itself included."""
    yield at
    named = document.items() if isinstance(document, dict) else ()
    items = enumerate(document) if isinstance(document, list) else named
    for step, value in items:
        yield from places(value, at + pointer(step))
