"""Sums by bucket of people, looked at again and again over revisions: the sequence and the verdict."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.claims.counting import Seen, at_any_look, bounded, held, over_looks
from benchmarks.claims.crowds import Rollups, base_rate, crowd
from benchmarks.claims.designs import (
    Design,
    draw_effect,
    draw_horizon,
    draw_law,
    draw_laws,
    draw_looks,
    draw_people,
    draw_shares,
)
from benchmarks.claims.judged import judged
from offline_eval.ab.bucketed import Linearised
from offline_eval.ab.bucketed_contrast import Look, linearised_contrast
from offline_eval.estimate import Estimate


def draw(rng: np.random.Generator, made: Design) -> Design:
    """2 to 12 arms, one to three revisions with other shares, people with few or many decisions."""
    arms, people = int(rng.choice([2, 2, 2, 3, 4, 6, 8, 12])), draw_people(rng, 0.4)
    first = draw_law(rng, 0.75)
    # Under a cap a later decision of a person earns less: only a plain null has one truth at every look.
    effect = "none" if people.index and np.isfinite(first.cap) else draw_effect(rng)
    horizon = draw_horizon(rng, people)
    looks = draw_looks(rng, horizon, arms)
    return replace(
        made,
        laws=draw_laws(rng, first, arms, effect),
        effect=effect,
        shares=draw_shares(rng, arms),
        horizon=horizon,
        looks=looks,
        revisions=min(int(rng.choice([1, 1, 2, 3])), looks),
        people=people,
    )


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One campaign."""
    sums = Rollups.of(design, crowd(design, rng))
    looks = [sums.linearised(look, design.laws) for look in range(1, design.looks + 1)]
    sequence = []
    for look, groups in enumerate(looks, 1):
        effect = true_effect(design, sums.weights(look), groups)
        sequence.append(held("difference", _compared(groups[1], groups[0]), effect))
    yield at_any_look("sequence: difference", sequence)
    if design.has_data_enough and design.revisions == 1:
        yield bounded("shown: difference while running", sequence[-1])
    yield from over_looks(_judged(groups, design) for groups in looks)


def _compared(treated: Linearised, control: Linearised, alpha: float = 0.05) -> Estimate:
    return linearised_contrast(treated, control, Look(True, alpha)).absolute


def _judged(groups: list[Linearised], design: Design) -> Iterator[Seen]:
    return judged(lambda a, b, alpha: _compared(groups[a], groups[b], alpha), design.standing)


def true_effect(design: Design, weights: np.ndarray, groups: list[Linearised]) -> float:
    """The difference of the first two groups' means over the revisions that both have, as these are weighted."""
    kept = np.where(groups[1].present & groups[0].present, weights, 0.0)
    return design.effects[0] * float(kept @ base_rate(np.arange(len(kept)))) / max(float(kept.sum()), 1.0)
