"""From cells to one arm's (or two arms' difference of) AIPW scores by snapshot, with a model from the past only."""

from dataclasses import dataclass

import numpy as np

from offline_eval.ab.adaptive.cells import (
    CHOSEN,
    EVENTS,
    EXPECTED,
    INVERSE,
    REWARD,
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
        expected_events: of the scarcer arm over all snapshots: Σ p × the share of rounds with an event.
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


def past_means(cells: Cells) -> dict[CellKey, Floats]:
    """Cell → (K,) mean reward of each arm in that segment over earlier snapshots, shrunk to the arm's own mean.

    Where nothing was seen before, the mean over all arms; in the first snapshot 0. Any function of the past keeps the
    scores unbiased: it moves their variance alone.
    """
    arms = len(cells.arms)
    by_segment: dict[int, Floats] = {}
    overall = np.zeros((arms, 2))
    models: dict[CellKey, Floats] = {}
    keys = sorted(cells.sums)
    for snapshot in dict.fromkeys(key.snapshot for key in keys):
        here = [key for key in keys if key.snapshot == snapshot]
        for key in here:
            models[key] = _shrunk(by_segment.get(key.segment, np.zeros((arms, 2))), overall)
        for key in here:
            seen = cells.sums[key][:, [CHOSEN, REWARD]]
            by_segment[key.segment] = by_segment.get(key.segment, np.zeros((arms, 2))) + seen
            overall = overall + seen
    return models


def _shrunk(segment: Floats, overall: Floats) -> Floats:
    drawn, earned = overall[:, 0], overall[:, 1]
    everywhere = earned.sum() / drawn.sum() if drawn.sum() else 0.0
    arm_mean = (earned + everywhere) / (drawn + 1.0)
    return np.asarray((segment[:, 1] + PRIOR_ROUNDS * arm_mean) / (segment[:, 0] + PRIOR_ROUNDS))


def scores(cells: Cells, arm: str, control: str | None = None, sign: tuple[float, float] = (1.0, -1.0)) -> Scores:
    """Scores of an arm where it was eligible, or sign[0] · arm + sign[1] · control where both were."""
    pair = [cells.arms.index(name) for name in (arm, control) if name is not None]
    models = past_means(cells)
    place = {snapshot: t for t, snapshot in enumerate(sorted({key.snapshot for key in cells.sums}))}
    rows = np.zeros((len(place), 4))
    strength = np.zeros((len(place), len(pair), 2))
    signs = np.array(sign[: len(pair)])
    for key, sums in cells.sums.items():
        if any(not key.eligible >> k & 1 for k in pair):
            continue
        t = place[key.snapshot]
        rows[t] += _cell_row(sums[pair], models[key][pair], signs, cells.counts[key])
        strength[t] += sums[pair][:, [EXPECTED, CHOSEN]]
    kept = rows[:, 0] > 0
    n = rows[kept, 0]
    return Scores(
        n,
        rows[kept, 1],
        rows[kept, 2],
        rows[kept, 3] / n,
        _expected_events(cells, place, strength[:, :, 0])[kept],
        int(strength[:, :, 1].sum(axis=0).min()),
        float(n.sum() / cells.n) if cells.n else 0.0,
    )


def _cell_row(sums: Floats, q: Floats, sign: Floats, count: int) -> Floats:
    """(n, Σ Γ, Σ Γ², Σ 1/p) of one cell, from the sums (1 or 2, WIDTH) of the arms concerned."""
    correction = sums[:, WY] - q * sums[:, W]
    square = sums[:, WWYY] - 2 * q * sums[:, WWY] + q * q * sums[:, WW]
    base, moved = float(sign @ q), float(sign @ correction)
    squares = count * base**2 + 2 * base * moved + float(sign**2 @ square)
    return np.array([count, count * base + moved, squares, sums[:, INVERSE].sum()])


def _expected_events(cells: Cells, place: dict[int, int], expected: Floats) -> Floats:
    """(T,) events the scarcer arm may expect up to each snapshot: Σ p so far × events per round so far."""
    events, rounds = np.zeros(len(place)), np.zeros(len(place))
    for key, sums in cells.sums.items():
        events[place[key.snapshot]] += sums[:, EVENTS].sum()
        rounds[place[key.snapshot]] += cells.counts[key]
    rate = np.cumsum(events) / np.maximum(np.cumsum(rounds), 1.0)
    return np.asarray(np.cumsum(expected, axis=0).min(axis=1) * rate)
