"""Coverage of arm contrasts while five policies move the traffic: at the end, and looked at after every snapshot."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from benchmarks.readout_tally import Rate
from offline_eval.ab.adaptive import ARM_CONTRASTS, Cells, Rounds

ARMS = ("nothing", "mail", "gift", "event")
RATES = np.array([[0.09, 0.10, 0.18, 0.12], [0.11, 0.16, 0.16, 0.12]])
"""Segments × arms. Overall: gift .170 is best, mail .130 second; nothing, .100, is starved: about 40 events at the
floor, so that some lives are labelled "too few" and the others are the hardest ones that are not."""

SNAPSHOTS, SIZE, FLOOR = 20, 500, 0.03
Choose = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
"""(wins, draws) by segment and arm → pmf, before the floor."""


def _best(scores: np.ndarray) -> np.ndarray:
    pmf = np.zeros(scores.shape)
    pmf[np.arange(len(scores)), scores.argmax(axis=1)] = 1.0
    return pmf


def _means(wins: np.ndarray, draws: np.ndarray) -> np.ndarray:
    return (wins + 1) / (draws + 5)


def _thompson(wins: np.ndarray, draws: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    sampled = rng.beta(wins[..., None] + 1, draws[..., None] - wins[..., None] + 4, size=(*wins.shape, 200))
    best = sampled.argmax(axis=1)
    return np.stack([(best == arm).mean(axis=1) for arm in range(wins.shape[1])], axis=1)


def _softmax(wins: np.ndarray, draws: np.ndarray, _: np.random.Generator) -> np.ndarray:
    weight = np.exp(60 * (_means(wins, draws) - _means(wins, draws).max()))
    return weight / weight.sum(axis=1, keepdims=True)


def _squarecb(wins: np.ndarray, draws: np.ndarray, _: np.random.Generator) -> np.ndarray:
    mean = _means(wins, draws)
    pmf = 1 / (wins.shape[1] + 20 * np.sqrt(draws.sum()) * (mean.max(axis=1, keepdims=True) - mean))
    top = mean.argmax(axis=1)
    pmf[np.arange(len(top)), top] += 1 - pmf.sum(axis=1)
    return pmf


POLICIES: dict[str, Choose] = {
    "greedy with a floor": lambda wins, draws, _: _best(_means(wins, draws)),
    "Thompson": _thompson,
    "softmax": _softmax,
    "upper confidence bound": lambda wins, draws, _: _best(
        _means(wins, draws) + np.sqrt(0.5 * np.log(draws.sum() + 2) / (draws + 1))
    ),
    "SquareCB": _squarecb,
}


class Snapshot(NamedTuple):
    """SIZE decisions under one table: (S, K) probabilities of the table, (n,) segments, (n, K) pmfs, arms, rewards."""

    shares: np.ndarray
    segment: np.ndarray
    pmf: np.ndarray
    arm: np.ndarray
    reward: np.ndarray


def played(rates: np.ndarray, choose: Choose, rng: np.random.Generator, snapshots: int) -> Iterator[Snapshot]:
    """A policy that learns after each snapshot, in a world of (S, K) rates; the first table is uniform."""
    wins, draws, k = np.zeros(rates.shape), np.zeros(rates.shape), rates.shape[1]
    for snapshot in range(snapshots):
        shares = choose(wins, draws, rng) if snapshot else np.full(wins.shape, 1 / k)
        shares = (1 - k * FLOOR) * shares + FLOOR
        segment = rng.integers(0, 2, SIZE)
        pmf = shares[segment]
        arm = (rng.random(SIZE)[:, None] >= pmf.cumsum(axis=1)).sum(axis=1).clip(0, k - 1)
        reward = (rng.random(SIZE) < rates[segment, arm]).astype(float)
        yield Snapshot(shares, segment, pmf, arm, reward)
        np.add.at(wins, (segment, arm), reward)
        np.add.at(draws, (segment, arm), 1.0)


def campaign(choose: Choose, rng: np.random.Generator) -> list[Cells]:
    """Cells by snapshot."""
    return [
        Cells.of(ARMS, Rounds(np.full(SIZE, place), one.arm, one.pmf, one.reward, one.segment))
        for place, one in enumerate(played(RATES, choose, rng, SNAPSHOTS))
    ]


PAIRS = {"best against second best": ("gift", "mail"), "starved against best": ("nothing", "gift")}


def adaptive_rows(runs: int) -> Iterator[str]:
    """policy | pair | method | coverage, bounds, runs | mean width | too few | claim stands."""
    for place, (policy, choose) in enumerate(POLICIES.items()):
        rates = {
            (pair, method): (Rate(), Rate()) for pair in PAIRS for method in (*ARM_CONTRASTS, "arm_sequence, 20 looks")
        }
        for run in range(runs):
            parts = campaign(choose, np.random.default_rng([place, run, 5]))
            _score(parts, rates)
        for (pair, method), (rate, few) in rates.items():
            claim = "claims nothing" if method == "naive" else rate.covers()
            told = rate.told() if rate.tries else "– | – | 0"
            yield f"{policy} | {pair} | {method} | {told} | {rate.mean_width:.4f} | {few.value:.3f} | {claim}"


def _score(parts: list[Cells], rates: dict[tuple[str, str], tuple[Rate, Rate]]) -> None:
    total, ever_missed, ever_seen = parts[0], dict.fromkeys(PAIRS, False), dict.fromkeys(PAIRS, False)
    widths = dict.fromkeys(PAIRS, 0.0)
    for look, part in enumerate(parts):
        total = part if look == 0 else total + part
        for pair, (arm, control) in PAIRS.items():
            truth = float((RATES[:, ARMS.index(arm)] - RATES[:, ARMS.index(control)]).mean())
            e = ARM_CONTRASTS["arm_sequence"](total, arm, control, 0.05).absolute
            if e.lower is not None and e.upper is not None:
                ever_seen[pair], widths[pair] = True, e.upper - e.lower
                ever_missed[pair] |= not e.lower <= truth <= e.upper
            if look == len(parts) - 1:
                _final(total, (pair, arm, control), truth, rates)
    for pair in PAIRS:
        rate, few = rates[pair, "arm_sequence, 20 looks"]
        few.add(not ever_seen[pair])
        if ever_seen[pair]:
            rate.add(not ever_missed[pair], widths[pair])


def _final(
    total: Cells, pair: tuple[str, str, str], truth: float, rates: dict[tuple[str, str], tuple[Rate, Rate]]
) -> None:
    for method, contrast in ARM_CONTRASTS.items():
        e = contrast(total, pair[1], pair[2], 0.05).absolute
        rate, few = rates[pair[0], method]
        few.add(e.lower is None)
        if e.lower is not None and e.upper is not None:
            rate.add(e.lower <= truth <= e.upper, e.upper - e.lower)
