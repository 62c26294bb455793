"""From a JSON document to a definition: every fault of shape, and a definition that the other checks can still read."""

import json
import math
from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import islice
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from experiments.errors import Fault
from experiments.model.designing.definition import Definition
from experiments.model.designing.wording import in_words

MAX_DEPTH = 40
MOST_MEMBERS, MOST_ITEMS = 1_000, 10_000
"""Members of any object and items of any list of a document."""
MOST_VALUES = 20_000
"""Values of a document, those inside others among them: more cannot be judged without keeping other callers waiting."""
MOST_FAULTS = 100
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
    faults = value_faults(document, sizes=True)
    if not faults and (values := _values_in(document)) > MOST_VALUES:
        faults = [Fault("", f"has {values:,} values in all; a definition may have {MOST_VALUES:,}")]
    if faults:
        return _minimal(), faults
    mended = deepcopy(document)
    for _ in range(_ROUNDS):
        try:
            return Definition.model_validate_json(json.dumps(mended), strict=True), _merged(faults)
        except ValidationError as error:
            if error.error_count() > MOST_FAULTS:
                return _minimal(), _first_of(document, error)
            found = error.errors(include_url=False, include_context=False, include_input=False)
        # Later rounds find only what the mending itself brought about.
        faults = faults or [_fault(document, each) for each in found]
        for each in found:
            _mend(mended, each["loc"], each["type"])
    return _minimal(), _merged(faults)


def _first_of(document: Any, error: ValidationError) -> list[Fault]:
    """The first faults, and how many more there are. Mending that many would take long and find little else."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    more = Fault("", f"and {len(found) - MOST_FAULTS:,} more faults; these are the first {MOST_FAULTS}")
    return [*_merged([_fault(document, each) for each in found[:MOST_FAULTS]]), more]


def _fault(document: Any, found: ErrorDetails) -> Fault:
    return Fault(_pointer(document, found["loc"]), in_words(found["msg"].removeprefix("Value error, ")))


def _minimal() -> Definition:
    return Definition.model_validate({"key": "stand-in", **{name: _STAND_INS[name] for name in ("arms", "variants")}})


def value_faults(value: Any, where: str = "", *, sizes: bool = False) -> list[Fault]:
    """Values that no database keeps: NUL bytes, half characters, numbers that are none; and bottomless nesting.

    With `sizes` also objects and lists that are too large to be checked in the time that one request may take. At most
    MOST_FAULTS are listed; a last one says that there are more.
    """
    found = _found(value, 0, sizes)
    faults = [Fault(where + pointer, detail) for pointer, detail in islice(found, MOST_FAULTS)]
    if next(found, None) is not None:
        faults.append(Fault(where, f"has more faults than these {MOST_FAULTS}"))
    return faults


def _found(value: Any, depth: int, sizes: bool) -> Iterator[tuple[str, str]]:
    """Faults with their pointers from here: written for what is faulty only, or every value would cost its depth."""
    if depth > MAX_DEPTH:
        yield "", f"is nested deeper than {MAX_DEPTH}"
        return
    if detail := (_size_fault(value) if sizes else "") or _scalar_fault(value):
        yield "", detail
        return
    for step, inner in _inside(value):
        if isinstance(step, str) and not is_storable(step):
            yield "", "has a name that contains a NUL or half of a surrogate pair"
        if isinstance(inner, dict | list):
            for pointer, detail in _found(inner, depth + 1, sizes):
                yield f"/{escape(step)}{pointer}", detail
        elif detail := _scalar_fault(inner):
            yield f"/{escape(step)}", detail


def _inside(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _values_in(document: Any) -> int:
    count, left = 0, [document]
    while left:
        inner = [each for _, each in _inside(left.pop())]
        count += len(inner)
        left += [each for each in inner if isinstance(each, dict | list)]
    return count


def _size_fault(value: Any) -> str:
    if isinstance(value, dict) and len(value) > MOST_MEMBERS:
        return f"has {len(value):,} members; an object may have {MOST_MEMBERS:,}"
    if isinstance(value, list) and len(value) > MOST_ITEMS:
        return f"has {len(value):,} items; a list may have {MOST_ITEMS:,}"
    return ""


def _scalar_fault(value: Any) -> str:
    if isinstance(value, str) and not is_storable(value):
        return "contains a NUL or half of a surrogate pair"
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be finite, not {value}"
    return ""


def is_storable(text: str) -> bool:
    """Whether both databases can keep the text."""
    if text.isascii():
        return "\0" not in text
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
    elif path and isinstance(parent := path[-1], list):
        parent[int(location[depth - 1])] = _stand_in_item(location[:depth])
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
