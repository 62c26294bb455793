"""How far one score can go, where the metric's range is known: what a bound without a burn-in rests on."""

from dataclasses import dataclass

import numpy as np

from offline_eval.ab.adaptive.cells import EVENTS, INVERSE, REWARD, SQUARES, STEEPNESS, Floats
from offline_eval.ab.adaptive.scores import PairOfArms, Stack, added
from offline_eval.ab.adaptive.steepness import largest

Limits = tuple[float, float]
"""The least and the most that one decision can add to a metric."""

DROP, RISE, LEAST, MOST, INVERSE_MOST = range(5)
"""Rows of a Reach: the largest (q - least)/p and (most - q)/p, the smallest and largest q, and the largest 1/p."""


@dataclass(frozen=True, slots=True)
class Reach:
    """By snapshot, of an arm (and of the control): (1 or 2, 5, T), in units of the metric."""

    sides: Floats

    def drop(self, ratio: float = 1.0) -> Floats:
        """(T,) how far below 0 the score of arm - ratio × control can fall."""
        return self._fall(0, DROP, RISE, ratio, (LEAST, MOST), 1.0)

    def rise(self, ratio: float = 1.0) -> Floats:
        """(T,) how far above 0 it can rise."""
        return self._fall(0, RISE, DROP, ratio, (MOST, LEAST), -1.0)

    def _fall(self, arm: int, own: int, others: int, ratio: float, q: tuple[int, int], sign: float) -> Floats:
        jump, level = self.sides[arm, own], sign * self.sides[arm, q[0]]
        if len(self.sides) > 1:
            jump = np.maximum(jump, ratio * self.sides[1, others])
            level = level - sign * ratio * self.sides[1, q[1]]
        return np.asarray(np.maximum(jump, 0.0) - level)

    @property
    def inverse(self) -> Floats:
        """(T,) the largest 1/p of either arm; infinite where it is not known."""
        return np.asarray(self.sides[:, INVERSE_MOST].max(axis=0))


def reach_of(stack: Stack, arm: str, control: str | None, pair: PairOfArms, limits: Limits | None) -> Reach:
    """Over the cells where both were eligible, at the pair's snapshots; all arms are computed at once.

    Without limits, of what the rewards are likely to be, see `likely_limits`.
    """
    wanted = (control, *(limits or ()))
    if wanted not in stack.reaches:
        stack.reaches[wanted] = _reaches(stack, control, limits)
    return Reach(stack.reaches[wanted][..., pair.kept, stack.arms.index(arm)])


def _reaches(stack: Stack, control: str | None, limits: Limits | None) -> Floats:
    """(1 or 2, 5, T, K): Reach of every arm against one control, or alone."""
    place = None if control is None else stack.arms.index(control)
    sides = [slice(None)] if place is None else [slice(None), slice(place, place + 1)]
    ends = likely_limits(stack, place) if limits is None else limits
    both = np.logical_and.reduce(np.broadcast_arrays(*(stack.eligible[:, side] for side in sides)))
    rows = [row for side in sides for row in _rows(stack, side, ends)]
    values = np.empty((len(both), len(rows), both.shape[1]))
    for at, row in enumerate(rows):
        values[:, at] = np.where(both, row, -np.inf)
    by_time = added(stack.place, stack.times, values, np.maximum).swapaxes(0, 1)
    found = by_time.reshape(len(sides), 5, *by_time.shape[1:])
    found[:, LEAST] *= -1
    return found


def _rows(stack: Stack, side: slice, limits: tuple[Floats | float, Floats | float]) -> list[Floats]:
    """Rows of Reach by cell, (C, K or 1) each, q negative for LEAST, so that all are maxima."""
    q, inverse = stack.model[:, side], _largest_inverse(stack)[:, side]
    bounded = np.where(np.isfinite(inverse), inverse, 0.0)
    return [(q - limits[0]) * bounded, (limits[1] - q) * bounded, -q, q, inverse]


def likely_limits(stack: Stack, control: int | None) -> tuple[Floats, Floats]:
    """(K,) values beyond which the third moment is not expected to lie, where no range is known: of each arm's pair.

    E|y|³ / E y² among the decisions with a reward, as if their rewards were log-normal, with the mean and the variance
    that they have: μ (1 + CV²)²; but not beyond the largest square that a cell's sum of squares leaves room for.
    """
    events, total, squares = stack.margin[:, [EVENTS, REWARD, SQUARES]].T
    room, mean = np.sqrt(stack.sums[..., SQUARES].max(axis=0, initial=0.0)), np.abs(total) / np.maximum(events, 1.0)
    spread = np.divide(squares, events * mean**2, out=np.zeros_like(mean), where=mean > 0)
    most, sign = np.where(mean > 0, np.minimum(room, mean * spread**2), room), np.sign(total)
    lowest, highest = sign, sign
    if control is not None:
        most = np.maximum(most, most[control])
        lowest, highest = np.minimum(sign, sign[control]), np.maximum(sign, sign[control])
    return np.where(lowest < 0, -most, 0.0), np.where(highest > 0, most, 0.0)


def _largest_inverse(stack: Stack) -> Floats:
    """(C, K) the largest 1/p of each cell's rounds at most; computed once for a stack."""
    if not stack.steepest:
        stack.steepest.append(largest(stack.counts[:, None], stack.sums[..., INVERSE], stack.sums[..., STEEPNESS]))
    return stack.steepest[0]
