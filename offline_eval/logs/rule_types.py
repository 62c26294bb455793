"""Do a spec's rules fit its context? Every feature known, numbers compared with numbers and texts with texts."""

from collections.abc import Iterator
from typing import Any

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in")


def type_faults(rule: Any, numeric: tuple[str, ...], categorical: tuple[str, ...]) -> Iterator[str]:
    """A sentence for each thing about a well-formed rule that can never hold, or that reads an unknown feature."""
    if isinstance(rule, list | tuple):
        for item in rule:
            yield from type_faults(item, numeric, categorical)
    elif isinstance(rule, dict):
        ((operator, given),) = rule.items()
        operands = list(given) if isinstance(given, list | tuple) else [given]
        if operator in ("var", "missing"):
            for name in operands[:1] if operator == "var" else operands:
                if name not in (*numeric, *categorical):
                    yield f"reads '{name}', which is neither in context.numeric nor in context.categorical"
            return
        if operator in COMPARISONS:
            yield from _mismatches(operands, numeric, categorical)
        yield from type_faults(operands, numeric, categorical)


def _mismatches(operands: list[Any], numeric: tuple[str, ...], categorical: tuple[str, ...]) -> Iterator[str]:
    names = [str(_only(item["var"])) for item in operands if isinstance(item, dict) and "var" in item]
    constants = [value for item in operands for value in (item if isinstance(item, list) else [item])]
    for name in names:
        if name in categorical and any(isinstance(value, int | float) for value in constants):
            yield f"compares the categorical '{name}' with a number; write a text, or list it in context.numeric"
        if name in numeric and any(isinstance(value, str) for value in constants):
            yield f"compares the numeric '{name}' with a text; write a number, or list it in context.categorical"


def _only(given: Any) -> Any:
    return given[0] if isinstance(given, list | tuple) else given
