"""Which arms could have been drawn, row by row."""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from offline_eval.logs.batch import Categorical
from offline_eval.logs.decoding import texts

SEPARATOR = "\x1f"

PMF_TOLERANCE = 1e-4
"""How far a written pmf may be from adding up to 1, and from a propensity written beside it."""


def eligible_sets(column: pa.Array) -> Categorical:
    """A column of lists as one text for each distinct set; text columns hold JSON lists or names joined by "|"."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return texts(pc.binary_join(pc.cast(column, pa.list_(pa.string())), SEPARATOR))
    found = texts(column)
    return Categorical(found.codes, tuple(SEPARATOR.join(_names(value)) for value in found.values))


def _names(value: str) -> list[str]:
    if value.lstrip().startswith("["):
        try:
            return [str(name) for name in json.loads(value)]
        except json.JSONDecodeError:
            return [value]
    return value.split("|")


def members(name: str) -> list[str]:
    """The arms of one set."""
    return name.split(SEPARATOR)


def masks(sets: Categorical, keys: Sequence[str]) -> NDArray[np.bool_]:
    """Shape (n, K): whether each arm was eligible; a missing set admits every arm."""
    position = {key: index for index, key in enumerate(keys)}
    table = np.zeros((len(sets.values) + 1, len(keys)), dtype=np.bool_)
    table[-1] = True
    for row, value in enumerate(sets.values):
        table[row, [position[name] for name in members(value)]] = True
    return np.asarray(table[sets.codes])


def listed_pmf(
    column: pa.Array, sets: Categorical | None, keys: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(pmf (n, K), bad (n,)) from lists in the order of the row's eligible set, or of all arms."""
    values = [json.loads(v) if isinstance(v, str) else v for v in column.to_pylist()]
    position = {key: index for index, key in enumerate(keys)}
    places = [[position[name] for name in members(v)] for v in sets.values] if sets else []
    pmf, bad = np.zeros((len(values), len(keys))), np.zeros(len(values), dtype=np.bool_)
    for row, value in enumerate(values):
        code = -1 if sets is None else int(sets.codes[row])
        place = places[code] if code >= 0 and value is not None and len(value) == len(places[code]) else None
        if value is None or (place is None and len(value) != len(keys)):
            bad[row] = True
        else:
            pmf[row, place if place is not None else slice(None)] = value
    return pmf, bad | ~(np.abs(pmf.sum(axis=1) - 1.0) < PMF_TOLERANCE) | (pmf < 0).any(axis=1)
