"""From cells to one arm's (or two arms' difference of) AIPW scores by snapshot, with a model from the past only."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from offline_eval.ab.adaptive.cells import (
    CHOSEN,
    EVENTS,
    EXPECTED,
    INVERSE,
    REWARD,
    WIDTH,
    WW,
    WWY,
    WWYY,
    WY,
    CellKey,
    Cells,
    Floats,
    W,
)

PRIOR_ROUNDS = 20.0
"""Weight of the arm's overall mean in the mean of one arm and segment."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Sums of scores Γᵢ by snapshot, in time's order; each of length T.

    Attributes:
        n: rounds where the arm (or both arms) was eligible.
        total, squares: Σ Γᵢ and Σ Γᵢ².
        inverse: mean of 1/p of the arm, or of 1/p of both arms added: the scale of a score's variance.
        expected_events: of the scarcer arm up to each snapshot: Σ p × its events per draw.
        chosen: draws of the scarcer arm.
        share: rounds counted, of all rounds.
    """

    n: Floats
    total: Floats
    squares: Floats
    inverse: Floats
    expected_events: Floats
    chosen: int
    share: float

    @property
    def rounds(self) -> int:
        """Over all snapshots."""
        return int(self.n.sum())


@dataclass(frozen=True, slots=True)
class Stack:
    """C cells as arrays, prepared once for any number of contrasts.

    Attributes:
        arms: K names. counts: (C,) rounds. sums: (C, K, WIDTH). eligible: (C, K) whether the arm was.
        place: (C,) snapshot in 0..T-1, in time's order. segment: (C,) in 0..G-1.
        model: (C, K) the mean reward that scores are taken from, see `past_means`. margin: (K, WIDTH) over all cells.
        against: what was computed against a control; a stack never changes. reaches, steepest: likewise, see `reach`.
    """

    arms: tuple[str, ...]
    keys: tuple[CellKey, ...]
    counts: Floats
    sums: Floats
    eligible: NDArray[np.bool_]
    place: NDArray[np.int64]
    segment: NDArray[np.int64]
    model: Floats
    margin: Floats
    against: "dict[str | None, Against]" = field(init=False, default_factory=dict, compare=False)
    reaches: dict[tuple[str | float | None, ...], Floats] = field(init=False, default_factory=dict, compare=False)
    steepest: list[Floats] = field(init=False, default_factory=list, compare=False)

    @classmethod
    def of(cls, cells: Cells) -> "Stack":
        """From cells, in the order of their keys. An empty stack has K arms and no cells."""
        keys = sorted(cells.sums)
        sums = np.array([cells.sums[key] for key in keys]).reshape(len(keys), len(cells.arms), WIDTH)
        return cls.over(cells.arms, keys, [cells.counts[key] for key in keys]).with_sums(sums)

    @classmethod
    def over(cls, arms: tuple[str, ...], keys: Sequence[CellKey], counts: Sequence[int]) -> "Stack":
        """From keys in any order with the cells' rounds; without the sums of a metric, see `with_sums`."""
        snapshots, masks, segments = zip(*keys, strict=True) if keys else ((), (), ())
        place, segment = (np.unique(codes, return_inverse=True)[1].reshape(-1) for codes in (snapshots, segments))
        arms_of = {mask: [mask >> k & 1 for k in range(len(arms))] for mask in set(masks)}
        eligible = np.array([arms_of[mask] for mask in masks], dtype=bool).reshape(len(masks), len(arms))
        nothing = np.zeros((len(masks), len(arms), WIDTH))
        rounds = np.array(counts, dtype=np.float64)
        return cls(
            arms, tuple(keys), rounds, nothing, eligible, place, segment, nothing[:, :, REWARD], nothing.sum(axis=0)
        )

    def with_sums(self, sums: Floats) -> "Stack":
        """The same cells with the sums of a metric, (C, K, WIDTH)."""
        bare = replace(self, sums=sums, margin=sums.sum(axis=0))
        return replace(bare, model=past_means(bare)) if len(self.counts) else bare

    @property
    def n(self) -> int:
        """Rounds in all cells."""
        return int(self.counts.sum())

    @property
    def times(self) -> int:
        """T."""
        return int(self.place.max()) + 1 if len(self.place) else 0

    def total(self) -> Floats:
        """(K, WIDTH) over all cells."""
        return self.margin


def added(place: NDArray[np.int64], places: int, values: Floats, how: np.ufunc = np.add) -> Floats:
    """(places, …) sums of the rows of `values` (C, …) that have the same place; many times faster than np.add.at.

    Or whatever else `how` makes of two rows.
    """
    sums = np.zeros((places, *values.shape[1:]))
    if not len(values):
        return sums
    if (place[1:] < place[:-1]).any():
        order = np.argsort(place, kind="stable")
        place, values = place[order], values[order]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    sums[place[starts]] = how.reduceat(values, starts, axis=0)
    return sums


def past_means(stack: Stack) -> Floats:
    """(C, K) mean reward of each arm in the cell's segment over earlier snapshots, shrunk to the arm's own mean.

    Where nothing was seen before, the mean over all arms; in the first snapshot 0. Any function of the past keeps the
    scores unbiased: it moves their variance alone.
    """
    times, segments, arms = stack.times, int(stack.segment.max()) + 1, stack.sums.shape[1]
    where = stack.place * segments + stack.segment
    seen = added(where, times * segments, stack.sums[:, :, [CHOSEN, REWARD]]).reshape(times, segments, arms, 2)
    before = np.cumsum(seen, axis=0) - seen
    overall = before.sum(axis=1)
    drawn, earned = overall[..., 0], overall[..., 1]
    everywhere = earned.sum(axis=1, keepdims=True) / np.maximum(drawn.sum(axis=1, keepdims=True), 1.0)
    arm_mean = (earned + everywhere) / (drawn + 1.0)
    mine = before[stack.place, stack.segment]
    return np.asarray((mine[..., 1] + PRIOR_ROUNDS * arm_mean[stack.place]) / (mine[..., 0] + PRIOR_ROUNDS))


@dataclass(frozen=True, slots=True)
class PairOfArms:
    """Scores of an arm, or of an arm and the control where both were eligible.

    Attributes:
        difference: of arm - control; without a control, of the arm. top, bottom: of the arm, of the control.
        kept: the snapshots where there are any, of the stack's.
    """

    difference: Scores
    top: Scores
    bottom: Scores | None
    kept: NDArray[np.int64]

    @classmethod
    def of(cls, cells: Cells | Stack, arm: str, control: str | None = None) -> "PairOfArms":
        """From cells; of a stack, all arms are computed at once. Raises ValueError where an arm is unknown."""
        stack = cells if isinstance(cells, Stack) else Stack.of(cells)
        place = stack.arms.index(arm)
        if control not in stack.against:
            stack.against[control] = Against.of(stack, None if control is None else stack.arms.index(control))
        return stack.against[control].pair(place)


@dataclass(frozen=True, slots=True)
class Against:
    """Every arm and one control (or none), each over the cells where both were eligible, by snapshot.

    Attributes:
        n, inverse, expected_events: (T, K) rounds, Σ 1/p of the arms added, and see Scores.
        sums: (1 or 3, 2, T, K) Σ Γ and Σ Γ² of the difference, of the arm and of the control.
        draws: (K,) of the arm that has fewer. rounds: in all cells, concerned or not.
        pairs: those that were asked for.
    """

    n: Floats
    inverse: Floats
    expected_events: Floats
    sums: Floats
    draws: Floats
    rounds: int
    pairs: dict[int, PairOfArms] = field(init=False, default_factory=dict, compare=False)

    @classmethod
    def of(cls, stack: Stack, control: int | None) -> "Against":
        """From a stack, and the control's place."""
        sides = [slice(None)] if control is None else [slice(None), slice(control, control + 1)]
        both = np.logical_and.reduce(np.broadcast_arrays(*(stack.eligible[:, side] for side in sides)))
        rows = [stack.counts[:, None], sum(stack.sums[:, side, INVERSE] for side in sides)]
        rows += [stack.sums[:, side, row] for side in sides for row in (EXPECTED, CHOSEN, EVENTS)]
        scored = _scored(stack, sides)
        rows += [row for one in scored for row in one]
        values = np.empty((len(both), len(rows), both.shape[1]))
        for at, row in enumerate(rows):
            np.multiply(row, both, out=values[:, at])
        by_time = added(stack.place, stack.times, values).swapaxes(0, 1)
        strength, sums = np.split(by_time[2:], [3 * len(sides)])
        strength = strength.reshape(len(sides), 3, *by_time.shape[1:])
        draws = strength[:, 1].sum(axis=1).min(axis=0)
        sums = sums.reshape(len(scored), 2, *by_time.shape[1:])
        return cls(by_time[0], by_time[1], _expected_events(strength), sums, draws, stack.n)

    def pair(self, arm: int) -> PairOfArms:
        """One arm's."""
        if arm not in self.pairs:
            self.pairs[arm] = self._pair(arm)
        return self.pairs[arm]

    def _pair(self, arm: int) -> PairOfArms:
        n = self.n[:, arm]
        kept = np.flatnonzero(n > 0)
        n = n[kept]
        inverse, events, sums = self.inverse[kept, arm] / n, self.expected_events[kept, arm], self.sums[..., kept, arm]
        draws, share = int(self.draws[arm]), float(n.sum() / self.rounds) if self.rounds else 0.0
        found = [Scores(n, total, squares, inverse, events, draws, share) for total, squares in sums]
        top, bottom = (found[1], found[2]) if len(found) > 1 else (found[0], None)
        return PairOfArms(found[0], top, bottom, kept)


def _scored(stack: Stack, sides: Sequence[slice]) -> list[tuple[Floats, Floats]]:
    """(C, K) Σ Γ and Σ Γ² of the difference, the arm and the control; of an arm alone, of it."""
    counts = stack.counts[:, None]
    found = []
    for side in sides:
        q, sums = stack.model[:, side], stack.sums[:, side]
        moved = sums[..., WY] - q * sums[..., W]
        found.append((q, moved, sums[..., WWYY] - 2 * q * sums[..., WWY] + q * q * sums[..., WW]))
    if len(found) > 1:
        (top, up, above), (bottom, down, below) = found
        found.insert(0, (top - bottom, up - down, above + below))
    return [(counts * q + moved, counts * q**2 + 2 * q * moved + square) for q, moved, square in found]


def _expected_events(strength: Floats) -> Floats:
    """(T, K) from sums of p, draws and events by snapshot and arm, (1 or 2, 3, T, K): of the arm that has fewer."""
    expected, drawn, events = np.cumsum(strength, axis=2).swapaxes(0, 1)
    return np.asarray((expected * events / np.maximum(drawn, 1.0)).min(axis=0))
