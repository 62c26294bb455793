"""How far one score can go, where the metric's range is known: what a bound without a burn-in rests on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from offline_eval.ab.adaptive.cells import INVERSE, STEEPNESS, Floats
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


def reach_of(stack: Stack, arm: str, control: str | None, pair: PairOfArms, limits: Limits) -> Reach:
    """Over the cells where both were eligible, at the pair's snapshots; all arms are computed at once."""
    wanted = (control, *limits)
    if wanted not in stack.reaches:
        stack.reaches[wanted] = _reaches(stack, slice(None), control, limits)
    return Reach(stack.reaches[wanted][..., pair.kept, stack.arms.index(arm)])


def own_reach_of(stack: Stack, arm: str, control: str | None, pair: PairOfArms, limits: Limits) -> Reach:
    """The same with limits that are this arm's (or this pair's) alone: of it alone."""
    wanted = (arm, control, *limits)
    if wanted not in stack.reaches:
        place = stack.arms.index(arm)
        stack.reaches[wanted] = _reaches(stack, slice(place, place + 1), control, limits)
    return Reach(stack.reaches[wanted][..., pair.kept, 0])


def _reaches(stack: Stack, arms: slice, control: str | None, limits: Limits) -> Floats:
    """(1 or 2, 5, T, K): Reach of K arms against one control, or alone."""
    place = None if control is None else stack.arms.index(control)
    sides = [arms] if place is None else [arms, slice(place, place + 1)]
    both = np.logical_and.reduce(np.broadcast_arrays(*(stack.eligible[:, side] for side in sides)))
    rows = [np.broadcast_to(_rows(stack, side, limits), (5, *both.shape)) for side in sides]
    masked = np.where(both, np.concatenate(rows), -np.inf)
    by_time = added(stack.place, stack.times, masked.swapaxes(0, 1), np.maximum)
    found = by_time.swapaxes(0, 1).reshape(len(sides), 5, *by_time.shape[::2])
    found[:, LEAST] *= -1
    return found


def _rows(stack: Stack, side: slice, limits: Limits) -> Floats:
    """(5, C, K or 1) rows of Reach by cell, q negative for LEAST, so that all are maxima."""
    q, inverse = stack.model[:, side], _largest_inverse(stack)[:, side]
    bounded = np.where(np.isfinite(inverse), inverse, 0.0)
    columns: Sequence[Floats] = ((q - limits[0]) * bounded, (limits[1] - q) * bounded, -q, q, inverse)
    return np.stack(columns)


def _largest_inverse(stack: Stack) -> Floats:
    """(C, K) the largest 1/p of each cell's rounds at most; computed once for a stack."""
    if not stack.steepest:
        stack.steepest.append(largest(stack.counts[:, None], stack.sums[..., INVERSE], stack.sums[..., STEEPNESS]))
    return stack.steepest[0]
