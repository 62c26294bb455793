"""What rounds add to the trust checks' sums."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from bandit.rounds import NOTHING
from experiments.model.trust_sums import (
    CALIBRATION,
    DAYS,
    DRAWS,
    ENROLLED,
    EXPOSURE,
    LAG,
    LAG_BINS,
    LAG_EDGES,
    RATIO,
    SEPARATOR,
    VOIDS,
)
from experiments.services.joining.columns import Floats, Integers, RoundColumns, grouped
from experiments.store.rollups.trust_sums import TrustKey
from offline_eval.ab.checks.draw_independence import BINS
from offline_eval.ab.checks.propensity_calibration import EDGES
from offline_eval.ab.row_sums import row_sums, slices

Added = dict[TrustKey, Floats]

_STEPS = 200
"""Every edge is a multiple of 1/200, so that a table finds the bin; a search takes five times as long."""

_BINS = np.searchsorted(EDGES, (np.arange(_STEPS + 1) + 0.5) / _STEPS, side="right") - 1


def trust_sums(columns: RoundColumns) -> Added:
    """What the rounds add, by row."""
    if not len(columns):
        return {}
    parts = (_enrolled, _voids, _exposure, _days, _draws)
    found = {key: sums for part in parts for key, sums in part(columns)}
    chances = _chances(columns)
    return found | dict(_ratio(columns, chances)) | dict(_calibration(chances))


def lag_sums(lags: Mapping[str, list[int]]) -> Added:
    """From lags in seconds by group."""
    added = {}
    for group, seconds in lags.items():
        bins = np.searchsorted(LAG_EDGES, seconds, side="right")
        added[TrustKey(LAG, group)] = np.bincount(bins, minlength=LAG_BINS).astype(np.float64)
    return added


def _enrolled(columns: RoundColumns) -> Iterator[tuple[TrustKey, Floats]]:
    first = columns.first
    rows, group = grouped(columns.revision[first], columns.variant.codes[first])
    for (revision, variant), count in zip(rows.tolist(), np.bincount(group, minlength=len(rows)), strict=True):
        place = f"{revision}{SEPARATOR}{columns.variant.names[variant]}"
        yield TrustKey(ENROLLED, place), np.array([count], dtype=np.float64)


def _voids(columns: RoundColumns) -> Iterator[tuple[TrustKey, Floats]]:
    first = columns.first
    rows, group = grouped(columns.variant.codes[first], columns.arm[first])
    table = _two_columns(group, columns.voided[first], len(rows))
    for (variant, arm), counts in zip(rows.tolist(), table, strict=True):
        yield TrustKey(VOIDS, f"{columns.variant.names[variant]}{SEPARATOR}{columns.arms[arm]}"), counts


def _exposure(columns: RoundColumns) -> Iterator[tuple[TrustKey, Floats]]:
    something = np.array([arm != NOTHING for arm in columns.arms], dtype=bool)
    kept = columns.first & something[columns.arm]
    variants = columns.variant
    table = _two_columns(variants.codes[kept], columns.exposed[kept], len(variants.names))
    for name, counts in zip(variants.names, table, strict=True):
        if counts.any():
            yield TrustKey(EXPOSURE, name), counts


def _days(columns: RoundColumns) -> Iterator[tuple[TrustKey, Floats]]:
    first = columns.first
    if not first.any():
        return
    start, y = int(columns.day[first].min()), columns.reward[first]
    rows, group = grouped(columns.variant.codes[first], columns.day[first] - start)
    sums = [np.bincount(group, weight, len(rows)) for weight in (np.ones_like(y), y, y * y, y != 0)]
    for (variant, day), counts in zip(rows.tolist(), np.stack(sums, axis=1), strict=True):
        yield TrustKey(DAYS, f"{columns.variant.names[variant]}{SEPARATOR}{start + day}"), counts


def _draws(columns: RoundColumns) -> Iterator[tuple[TrustKey, Floats]]:
    known = np.isfinite(columns.draw)
    place = columns.variant.codes[known] * BINS + (columns.draw[known] * BINS).astype(np.int64)
    table = np.bincount(place, minlength=len(columns.variant.names) * BINS).reshape(-1, BINS).astype(np.float64)
    for name, counts in zip(columns.variant.names, table, strict=True):
        if counts.any():
            yield TrustKey(DRAWS, name), counts


class _Chances(NamedTuple):
    """Sums over probabilities p that chance decided on, of variants that draw; voided rounds were drawn, too.

    Attributes:
        arms: (A, 3) by arm, times drawn, p and p (1 - p). steps: (_STEPS + 1, 3) the same by floor(p _STEPS).
    """

    arms: Floats
    steps: Floats


def _chances(columns: RoundColumns) -> _Chances:
    kept = columns.adaptive & (columns.p > 0) & (columns.p < 1)
    arms, steps = np.zeros((len(columns.arms), 3)), np.zeros((_STEPS + 1, 3))
    arms[:, 0] = np.bincount(columns.arm[kept], minlength=len(arms))
    steps[:, 0] = np.bincount(_step(columns.p[kept]), minlength=len(steps))
    sets, width = len(columns.sets), columns.pmfs.shape[1]
    expected = np.zeros((sets, 2 * width))
    for part in slices(*columns.pmfs.shape):
        p = columns.pmfs[part]
        by_chance = columns.adaptive[part, None] & (p < 1)
        p = p if by_chance.all() else np.where(by_chance, p, 0.0)
        variance = p * (1 - p)
        expected[:, :width] += row_sums(p, columns.eligible[part], sets)
        expected[:, width:] += row_sums(variance, columns.eligible[part], sets)
        step = _step(p.reshape(-1))
        steps[:, 1] += np.bincount(step, p.reshape(-1), len(steps))
        steps[:, 2] += np.bincount(step, variance.reshape(-1), len(steps))
    place = {arm: code for code, arm in enumerate(columns.arms)}
    for (names, _), sums in zip(columns.sets, expected, strict=True):
        codes = [place[name] for name in names]
        arms[codes, 1] += sums[: len(names)]
        arms[codes, 2] += sums[width : width + len(names)]
    return _Chances(arms, steps)


def _step(p: Floats) -> Integers:
    return (p * _STEPS).astype(np.int64)


def _ratio(columns: RoundColumns, chances: _Chances) -> Iterator[tuple[TrustKey, Floats]]:
    for name, counts in zip(columns.arms, chances.arms, strict=True):
        if counts.any():
            yield TrustKey(RATIO, name), counts


def _calibration(chances: _Chances) -> Iterator[tuple[TrustKey, Floats]]:
    if chances.steps.any():
        sums = np.zeros((len(EDGES), 3))
        np.add.at(sums, _BINS, chances.steps)
        yield TrustKey(CALIBRATION, ""), sums.reshape(-1)


def _two_columns(group: Integers, happened: np.ndarray, groups: int) -> Floats:
    """(groups, 2) how often it happened, and how often not."""
    yes = np.bincount(group[happened], minlength=groups)
    return np.stack([yes, np.bincount(group, minlength=groups) - yes], axis=1).astype(np.float64)
