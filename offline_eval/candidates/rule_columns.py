"""A JsonLogic rule over columns: the same answers as `bandit.rules`, a batch at a time."""

import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bandit.rules import compile_rule
from offline_eval.logs.batch import Categorical, Floats, LogBatch

Mask: TypeAlias = NDArray[np.bool_]
Value: TypeAlias = Floats | Categorical | float | str

_TESTS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _RowByRowError(Exception):
    """A form that campaigns hardly write; it is evaluated row by row instead."""


def rule_mask(rule: Any, rows: LogBatch) -> Mask:
    """Where a sound rule holds, shape (n,)."""
    try:
        return _mask(rule, rows)
    except _RowByRowError:
        test, names = compile_rule(rule), [*rows.numeric, *rows.categorical]
        values = [v.tolist() for v in rows.numeric.values()] + [c.texts() for c in rows.categorical.values()]
        facts = (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
        return np.array([test(row) for row in facts], dtype=np.bool_)


def _mask(rule: Any, rows: LogBatch) -> Mask:
    if isinstance(rule, bool):
        return np.full(len(rows), rule)
    if not isinstance(rule, Mapping):
        raise _RowByRowError
    ((name, given),) = rule.items()
    operands = list(given) if isinstance(given, list | tuple) else [given]
    if name in _TESTS:
        return _compared(_TESTS[name], operands, rows)
    if name in ("and", "or"):
        join = np.logical_and if name == "and" else np.logical_or
        return np.asarray(join.reduce([_mask(operand, rows) for operand in operands]))
    if name == "!":
        return ~_mask(operands[0], rows)
    if name == "in":
        return _within(operands, rows)
    if name == "missing":
        return np.asarray(np.logical_or.reduce([_absent(_column(item, rows), len(rows)) for item in operands]))
    raise _RowByRowError


def _column(name: str, rows: LogBatch) -> Floats | Categorical | None:
    return rows.numeric[name] if name in rows.numeric else rows.categorical.get(name)


def _absent(column: Floats | Categorical | None, n: int) -> Mask:
    if column is None:
        return np.ones(n, dtype=np.bool_)
    return column.codes < 0 if isinstance(column, Categorical) else np.isnan(column)


def _value(operand: Any, rows: LogBatch) -> Value:
    if isinstance(operand, str | bool | int | float):
        return operand
    given = operand.get("var") if isinstance(operand, Mapping) else None
    if isinstance(given, list | tuple) and len(given) == 1:
        given = given[0]
    column = _column(given, rows) if isinstance(given, str) else None
    if column is None:
        raise _RowByRowError
    return column


def _compared(test: Callable[[Any, Any], Any], operands: list[Any], rows: LogBatch) -> Mask:
    values = [_value(operand, rows) for operand in operands]
    present = [~_absent(v, len(rows)) for v in values if isinstance(v, np.ndarray | Categorical)]
    pairs = [np.broadcast_to(_pair(test, left, right), len(rows)) for left, right in pairwise(values)]
    return np.asarray(np.logical_and.reduce(pairs + present))


def _pair(test: Callable[[Any, Any], Any], left: Value, right: Value) -> Mask | bool:
    if isinstance(left, Categorical) and isinstance(right, Categorical):
        raise _RowByRowError
    if isinstance(left, Categorical):
        return np.asarray(np.array([*(_holds(test, v, right) for v in left.values), False])[left.codes])
    if isinstance(right, Categorical):
        return np.asarray(np.array([*(_holds(test, left, v) for v in right.values), False])[right.codes])
    holds: Mask | bool = _holds(test, left, right)
    return holds


def _holds(test: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if isinstance(left, str) != isinstance(right, str):
        return test is operator.ne
    return test(left, right)


def _within(operands: list[Any], rows: LogBatch) -> Mask:
    needle = _value(operands[0], rows)
    if not isinstance(operands[1], list | tuple):
        raise _RowByRowError
    found = [np.broadcast_to(_pair(operator.eq, needle, _value(item, rows)), len(rows)) for item in operands[1]]
    present = ~_absent(needle, len(rows)) if isinstance(needle, np.ndarray | Categorical) else np.bool_(True)
    return np.asarray(np.logical_or.reduce([np.zeros(len(rows), dtype=np.bool_), *found]) & present)
