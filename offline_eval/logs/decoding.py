"""Arrow columns of any type → numbers, texts, times, lists, with the rows that are neither."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from offline_eval.logs.batch import Categorical, Floats

ABSENT = ("", "NA", "NaN", "nan", "null", "NULL", "None")
"""Texts that mean a missing number."""


def numbers(column: pa.Array) -> tuple[Floats, NDArray[np.bool_]]:
    """(values, bad), both of shape (n,): missing is NaN, and bad marks what is there but is no number."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _parsed(column)
    try:
        values = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # a date, a list
        return np.full(len(column), np.nan), np.ones(len(column), dtype=np.bool_)
    return np.asarray(values, dtype=np.float64), np.zeros(len(column), dtype=np.bool_)


def _parsed(column: pa.Array) -> tuple[Floats, NDArray[np.bool_]]:
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.is_in(text, pa.array(ABSENT, text.type)), pa.scalar(None, text.type), text)
    bad = np.zeros(len(column), dtype=np.bool_)
    try:
        values = pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        parsed = [_number(value) for value in text.to_pylist()]
        bad = np.array([value is None for value in parsed])
        values = pa.array([np.nan if value is None else value for value in parsed], pa.float64())
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64), bad


def _number(text: str | None) -> float | None:
    """A number or a truth value; None where it is neither, NaN where absent."""
    if text is None:
        return np.nan
    if text.lower() in ("true", "false"):
        return float(text.lower() == "true")
    try:
        return float(text)
    except ValueError:
        return None


def texts(column: pa.Array) -> Categorical:
    """A column of anything as text; null is missing, and whole floats lose their ".0"."""
    if pa.types.is_nested(column.type):
        column = pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values = pc.cast(_plain(column.dictionary), pa.string()).to_pylist()
    # Decoding may map two dictionary entries to one text, and a null may hide inside the dictionary.
    position = {value: index for index, value in enumerate(dict.fromkeys(v for v in values if v is not None))}
    lookup = np.array([*(position.get(value, -1) for value in values), -1], dtype=np.int64)
    codes = pc.fill_null(pc.cast(column.indices, pa.int64()), len(values)).to_numpy(zero_copy_only=False)
    return Categorical(lookup[codes], tuple(position))


def _plain(values: pa.Array) -> pa.Array:
    if (
        pa.types.is_floating(values.type)
        and pc.all(pc.or_kleene(pc.is_null(values), pc.equal(values, pc.round(values)))).as_py()
    ):
        return pc.cast(values, pa.int64(), safe=False)
    return values


def times(column: pa.Array, seconds: float) -> tuple[Floats, NDArray[np.bool_]]:
    """(seconds since the epoch or the log's own zero, bad), both (n,); numbers count units of `seconds`."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _instants(column), column.is_null().to_numpy(zero_copy_only=False)
    values, bad = numbers(column)
    if not bad.any():
        return values * seconds, np.isnan(values)
    for unit, zone in (("us", "UTC"), ("us", None), ("ns", "UTC"), ("ns", None)):
        try:
            instants = _instants(pc.cast(column, pa.timestamp(unit, zone)))
        except pa.ArrowInvalid:
            continue
        return instants, np.isnan(instants)
    return values, bad | np.isnan(values)


def _instants(column: pa.Array) -> Floats:
    microseconds = pa.timestamp("us", getattr(column.type, "tz", None))
    counts = pc.cast(pc.cast(column, microseconds, safe=False), pa.int64())  # nanoseconds are cut off
    return np.asarray(pc.cast(counts, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64) / 1e6


def lists(column: pa.Array) -> Sequence[Any]:
    """A column of lists; text is split at "|"."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.split_pattern(column, "|")
    return list(column.to_pylist())
