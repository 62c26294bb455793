"""From cells to one arm's (or two arms' difference of) AIPW scores by snapshot, with a model from the past only."""

from dataclasses import dataclass

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
    """C cells in time's order as arrays: counts (C,), sums (C, K, WIDTH), place in 0..T-1 and segment in 0..G-1."""

    keys: tuple[CellKey, ...]
    counts: Floats
    sums: Floats
    place: NDArray[np.int64]
    segment: NDArray[np.int64]

    @classmethod
    def of(cls, cells: Cells) -> "Stack":
        """From cells. An empty stack has K arms and no cells."""
        keys = tuple(sorted(cells.sums))
        sums = np.array([cells.sums[key] for key in keys]).reshape(len(keys), len(cells.arms), WIDTH)
        place = np.unique([key.snapshot for key in keys], return_inverse=True)[1]
        segment = np.unique([key.segment for key in keys], return_inverse=True)[1]
        counts = np.array([cells.counts[key] for key in keys], dtype=np.float64)
        return cls(keys, counts, sums, place.reshape(-1), segment.reshape(-1))


def past_means(stack: Stack) -> Floats:
    """(C, K) mean reward of each arm in the cell's segment over earlier snapshots, shrunk to the arm's own mean.

    Where nothing was seen before, the mean over all arms; in the first snapshot 0. Any function of the past keeps the
    scores unbiased: it moves their variance alone.
    """
    times, segments, arms = int(stack.place.max()) + 1, int(stack.segment.max()) + 1, stack.sums.shape[1]
    seen = np.zeros((times, segments, arms, 2))
    np.add.at(seen, (stack.place, stack.segment), stack.sums[:, :, [CHOSEN, REWARD]])
    before = np.cumsum(seen, axis=0) - seen
    overall = before.sum(axis=1)
    drawn, earned = overall[..., 0], overall[..., 1]
    everywhere = earned.sum(axis=1, keepdims=True) / np.maximum(drawn.sum(axis=1, keepdims=True), 1.0)
    arm_mean = (earned + everywhere) / (drawn + 1.0)
    mine = before[stack.place, stack.segment]
    return np.asarray((mine[..., 1] + PRIOR_ROUNDS * arm_mean[stack.place]) / (mine[..., 0] + PRIOR_ROUNDS))


@dataclass(frozen=True, slots=True)
class PairOfArms:
    """Scores of an arm, or of an arm and the control where both were eligible, in one go for every combination.

    Attributes:
        counts: (C,) rounds of the cells concerned; place: (C,) their snapshots, of `times` in all.
        q, correction, square: (C, 1 or 2) the model, Σ (Γ - q) and Σ (Γ - q)² of each arm.
        inverse: (C,) Σ 1/p of the arms added. strength: (C, 1 or 2, 3) sums of p, draws and events.
        rounds: in all cells, concerned or not.
    """

    counts: Floats
    place: NDArray[np.int64]
    times: int
    q: Floats
    correction: Floats
    square: Floats
    inverse: Floats
    strength: Floats
    rounds: int

    @classmethod
    def of(cls, cells: Cells, arm: str, control: str | None = None) -> "PairOfArms":
        """From cells. Raises ValueError where an arm is unknown."""
        pair = [cells.arms.index(name) for name in (arm, control) if name is not None]
        stack = Stack.of(cells)
        eligible = [all(key.eligible >> k & 1 for k in pair) for key in stack.keys]
        kept = np.flatnonzero(np.array(eligible, dtype=bool))
        sums = stack.sums[kept][:, pair]
        q = past_means(stack)[kept][:, pair] if len(stack.keys) else np.zeros((0, len(pair)))
        return cls(
            stack.counts[kept],
            stack.place[kept],
            int(stack.place.max()) + 1 if len(stack.keys) else 0,
            q,
            sums[..., WY] - q * sums[..., W],
            sums[..., WWYY] - 2 * q * sums[..., WWY] + q * q * sums[..., WW],
            sums[..., INVERSE].sum(axis=1),
            sums[..., [EXPECTED, CHOSEN, EVENTS]],
            cells.n,
        )

    def scores(self, sign: tuple[float, float] = (1.0, -1.0)) -> Scores:
        """Of sign[0] · arm + sign[1] · control."""
        signs = np.array(sign[: self.q.shape[1]])
        base, moved = self.q @ signs, self.correction @ signs
        squares = self.counts * base**2 + 2 * base * moved + self.square @ signs**2
        n = self._by_snapshot(self.counts)
        kept = n > 0
        return Scores(
            n[kept],
            self._by_snapshot(self.counts * base + moved)[kept],
            self._by_snapshot(squares)[kept],
            self._by_snapshot(self.inverse)[kept] / n[kept],
            self._expected_events()[kept],
            int(self.strength[..., 1].sum(axis=0).min()),
            float(n.sum() / self.rounds) if self.rounds else 0.0,
        )

    def _by_snapshot(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self.place, values, self.times), dtype=np.float64)

    def _expected_events(self) -> Floats:
        """(T,) Σ p so far × events per draw so far, of the arm that has fewer."""
        sums = np.zeros((self.times, *self.strength.shape[1:]))
        np.add.at(sums, self.place, self.strength)
        expected, drawn, events = np.moveaxis(np.cumsum(sums, axis=0), 2, 0)
        return np.asarray((expected * events / np.maximum(drawn, 1.0)).min(axis=1))
