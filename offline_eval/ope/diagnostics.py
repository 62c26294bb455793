"""What the log can say about a target policy: overlap, calibration of propensities, support, drift; all mergeable."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from offline_eval.moments import Matrix
from offline_eval.ope.batch import Batch, Integers
from offline_eval.ope.gather import CHUNK, untried_mass

CERTAIN = 1.0 - 1e-9
"""A row whose arm was as likely as this had no choice, and shows nothing of another policy."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How many arms, segments and periods the codes of the batches run over."""

    arms: int
    segments: int = 1
    periods: int = 1


@dataclass(frozen=True, slots=True)
class Tallies:
    """Mergeable sums over rows.

    Attributes:
        chosen: (S, K) rows by segment and logged arm.
        wanted: (S, K) the target's mass by segment and arm; of the logged arm only (weighted by 1/p) without `target`.
        unsupported: mass of the target on arms that the logging pmf excluded; NaN without a logged pmf.
        expected, variance: (K,) sums of p and p (1 - p) of the logging pmf by arm; without a logged pmf, rows in which
            the arm was eligible and sums of 1/p² - 1/p over its rows.
        observed: (K,) what `expected` is compared with: rows of the arm, or sums of 1/p over them.
        weight, weight_squares: sums of w and w².
        period: (T, 4) rows, Σ r, Σ r², Σ w by period.
        period_arms: (T, K) rows by period and arm.
        free, free_weight, free_squares: rows where more than one arm could be drawn, and sums of w and w² over them.
    """

    n: int
    chosen: Matrix
    wanted: Matrix
    unsupported: float
    expected: Matrix
    variance: Matrix
    observed: Matrix
    weight: float
    weight_squares: float
    period: Matrix
    period_arms: Matrix
    free: float
    free_weight: float
    free_squares: float

    def __add__(self, other: "Tallies") -> "Tallies":
        return Tallies(*(getattr(self, column.name) + getattr(other, column.name) for column in fields(self)))


def tally(batch: Batch, layout: Layout) -> Tallies:
    """Tallies of at least one row."""
    total: Tallies | None = None
    for chunk in batch.chunks(CHUNK):
        part = _chunk(chunk, layout)
        total = part if total is None else total + part
    if total is None:
        raise ValueError("a batch without rows has no diagnostics")
    return total


def _sums(code: NDArray[np.intp], size: int, column: Matrix | None = None) -> Matrix:
    """(size,) row counts, or sums of `column`, by code."""
    return np.asarray(np.bincount(code, column, size), dtype=np.float64)


def _codes(column: Integers | None, rows: int) -> NDArray[np.intp]:
    return np.zeros(rows, dtype=np.intp) if column is None else column.astype(np.intp)


def _chunk(batch: Batch, layout: Layout) -> Tallies:
    weight = np.divide(batch.target_chosen, batch.propensity, dtype=np.float64)
    reward = batch.reward.astype(np.float64)
    segment, period = _codes(batch.segment, len(batch)), _codes(batch.period, len(batch))
    by_segment, by_period = (layout.segments, layout.arms), (layout.periods, layout.arms)
    expected, variance, observed = _calibration(batch, layout.arms)
    free = batch.propensity < CERTAIN
    return Tallies(
        n=len(batch),
        chosen=_sums(segment * layout.arms + batch.action, layout.segments * layout.arms).reshape(by_segment),
        wanted=_wanted(batch, layout, segment, weight),
        unsupported=_unsupported(batch),
        expected=expected,
        variance=variance,
        observed=observed,
        weight=float(weight.sum()),
        weight_squares=float(weight @ weight),
        period=np.stack([_sums(period, layout.periods, c) for c in (None, reward, reward**2, weight)], axis=1),
        period_arms=_sums(period * layout.arms + batch.action, layout.periods * layout.arms).reshape(by_period),
        free=float(np.count_nonzero(free)),
        free_weight=float(weight[free].sum()),
        free_squares=float(weight[free] @ weight[free]),
    )


def _wanted(batch: Batch, layout: Layout, segment: NDArray[np.intp], weight: Matrix) -> Matrix:
    if batch.target is None:
        cell = segment * layout.arms + batch.action
        return _sums(cell, layout.segments * layout.arms, weight).reshape(layout.segments, layout.arms)
    if layout.segments == 1:
        return np.asarray(batch.target.sum(axis=0, dtype=np.float64)[None])
    return np.stack([_sums(segment, layout.segments, column) for column in batch.target.T], axis=1)


def _unsupported(batch: Batch) -> float:
    return float("nan") if batch.logged is None or batch.target is None else untried_mass(batch)


def _calibration(batch: Batch, arms: int) -> tuple[Matrix, Matrix, Matrix]:
    """Expected, variance and observed by arm."""
    action = batch.action.astype(np.intp)
    if batch.logged is not None:
        pmf = batch.logged.astype(np.float64)
        return pmf.sum(axis=0), (pmf * (1.0 - pmf)).sum(axis=0), _sums(action, arms)
    inverse = 1.0 / batch.propensity.astype(np.float64)
    eligible = np.full(arms, len(batch)) if batch.eligible is None else np.count_nonzero(batch.eligible, axis=0)
    variance = _sums(action, arms, inverse * (inverse - 1))
    return eligible.astype(np.float64), variance, _sums(action, arms, inverse)
