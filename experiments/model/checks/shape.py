"""From a JSON document to a definition: every fault of shape, and a definition that the other checks can still read."""

import json
import math
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from experiments.errors import Fault
from experiments.model.definition import Definition
from experiments.model.wording import in_words

MAX_DEPTH = 40
_ROUNDS = 6
_STAND_INS: dict[str, Any] = {
    "share": 1.0,
    "policy": {"name": "uniform"},
    "kinds": ["session"],
    "aggregate": "any",
    "after": "PT0S",
    "metric": "unsubscribe",
    "worst": 0.0,
    "max": 1,
    "within": "P1D",
    "total": 1,
    "amount": 0.0,
    "from": "21:00",
    "to": "08:00",
    "arms": [{"key": "stand-in"}],
    "variants": [{"key": "stand-in", "share": 1.0, "policy": {"name": "uniform"}}],
}
"""What takes the place of a required value that is missing or wrong, until every other fault is found too."""


def parse(document: Any) -> tuple[Definition, list[Fault]]:
    """The definition and its faults of shape; where there are any, stand-ins replace what is wrong.

    Strict: a number in quotes is a text, a time has an offset, a duration is ISO 8601.
    """
    if not isinstance(document, dict):
        return _minimal(), [Fault("", "must be an object")]
    faults = list(value_faults(document))
    if faults:
        return _minimal(), faults
    mended = deepcopy(document)
    for _ in range(_ROUNDS):
        try:
            return Definition.model_validate_json(json.dumps(mended), strict=True), _merged(faults)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
        # Later rounds find only what the mending itself brought about.
        faults = faults or [
            Fault(_pointer(document, each["loc"]), in_words(each["msg"].removeprefix("Value error, ")))
            for each in found
        ]
        for each in found:
            _mend(mended, each["loc"], each["type"])
    return _minimal(), _merged(faults)


def _minimal() -> Definition:
    return Definition.model_validate({"key": "stand-in", **{name: _STAND_INS[name] for name in ("arms", "variants")}})


def value_faults(value: Any, where: str = "", depth: int = 0) -> Iterator[Fault]:
    """Values that no database keeps: NUL bytes, half characters, numbers that are none; and bottomless nesting."""
    if depth > MAX_DEPTH:
        yield Fault(where, f"is nested deeper than {MAX_DEPTH}")
    elif isinstance(value, str):
        if not is_storable(value):
            yield Fault(where, "contains a NUL or half of a surrogate pair")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(where, f"must be finite, not {value}")
    elif isinstance(value, dict):
        for name, inner in value.items():
            inside = f"{where}/{escape(name)}"
            if not is_storable(name):
                yield Fault(where, "has a name that contains a NUL or half of a surrogate pair")
            yield from value_faults(inner, inside, depth + 1)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from value_faults(inner, f"{where}/{place}", depth + 1)


def is_storable(text: str) -> bool:
    """Whether both databases can keep the text."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def escape(step: object) -> str:
    """One reference token of a JSON pointer (RFC 6901)."""
    return str(step).replace("~", "~0").replace("/", "~1")


def _pointer(document: Any, location: tuple[int | str, ...]) -> str:
    """The place as far as the document has it: pydantic appends the names of union members and of checks."""
    steps: list[str] = []
    for step in location:
        if not _holds(document, step):
            if isinstance(document, dict) and step == location[-1]:
                steps.append(escape(step))
            break
        steps.append(escape(step))
        document = document[step]
    return "".join(f"/{step}" for step in steps)


def _merged(faults: list[Fault]) -> list[Fault]:
    """One fault for each place: the members of a union each have their say."""
    said: dict[str, list[str]] = {}
    for fault in faults:
        sentences = said.setdefault(fault.pointer, [])
        if fault.detail not in sentences:
            sentences.append(fault.detail)
    return [Fault(pointer, ", or ".join(sentences)) for pointer, sentences in said.items()]


def _mend(node: Any, location: tuple[int | str, ...], kind: str) -> None:
    """Take the faulty value out, or put a stand-in where one is required."""
    path: list[Any] = []
    for step in location:
        if not _holds(node, step):
            break
        path.append(node)
        node = node[step]
    depth = len(path)
    if kind == "missing" and depth == len(location) - 1:
        node[location[-1]] = _stand_in(location)
    elif path and isinstance(path[-1], list):
        path[-1][location[depth - 1]] = _stand_in_item(location[:depth])
    elif path:
        path[-1].pop(location[depth - 1])


def _holds(node: Any, step: int | str) -> bool:
    if isinstance(node, list):
        return isinstance(step, int) and step < len(node)
    return isinstance(node, dict) and step in node


def _stand_in(location: tuple[int | str, ...]) -> Any:
    name = location[-1]
    if name == "name":
        return "uniform" if "policy" in location else f"stand_in_{location[-2]}"
    if name == "key":
        return "-".join(["stand-in", *(str(step) for step in location[:-1])])
    return deepcopy(_STAND_INS[str(name)])


def _stand_in_item(location: tuple[int | str, ...]) -> Any:
    """An empty object, which gets its stand-ins in the next round; a text where the list is one of texts."""
    return f"stand_in_{location[-1]}" if location[-2] in ("numeric", "categorical", "by", "kinds") else {}
