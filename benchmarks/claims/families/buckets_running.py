"""Sums by bucket of people, looked at again and again over revisions: the sequence and the verdict."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.claims.counting import Seen, at_any_look, bounded, held
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
from benchmarks.claims.judged import verdict_is_wrong
from offline_eval.ab.bucketed import Linearised
from offline_eval.ab.bucketed_contrast import Look, linearised_contrast
from offline_eval.ab.verdict import Finding, share_of_alpha, verdict


def draw(rng: np.random.Generator, made: Design) -> Design:
    """2 to 12 arms, one to three revisions with other shares, people with few or many decisions."""
    arms, people = int(rng.choice([2, 2, 2, 3, 4, 6, 8, 12])), draw_people(rng, 0.4)
    first = draw_law(rng, 0.75)
    # Under a cap a later decision of a person earns less: only a plain null has one truth at every look.
    effect = "none" if people.index and np.isfinite(first.cap) else draw_effect(rng)
    horizon = draw_horizon(rng, people)
    looks = draw_looks(rng, horizon, 2 * arms)
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
    sequence, verdicts = [], []
    for look in range(1, design.looks + 1):
        groups = sums.linearised(look, design.laws)
        effects = true_effects(design, sums.weights(look), groups)
        found = linearised_contrast(groups[1], groups[0], Look(True))
        sequence.append(held("difference", found.absolute, effects[0]))
        verdicts.append(_verdict(groups, effects))
    yield at_any_look("sequence: difference", sequence)
    if design.has_data_enough and design.revisions == 1:
        yield bounded("shown: difference while running", sequence[-1])
    yield at_any_look("verdict: ship or stop", verdicts)


def true_effects(design: Design, weights: np.ndarray, groups: list[Linearised]) -> list[float]:
    """The differences of the groups' means over the revisions that both have, as these are weighted."""
    rates, found = base_rate(np.arange(len(weights))), []
    for effect, group in zip(design.effects, groups[1:], strict=True):
        kept = np.where(group.present & groups[0].present, weights, 0.0)
        found.append(effect * float(kept @ rates) / max(float(kept.sum()), 1.0))
    return found


def _verdict(groups: list[Linearised], effects: list[float]) -> Seen:
    look = Look(True, share_of_alpha(0.05, len(groups) - 1, 0))
    findings = [Finding(str(k), linearised_contrast(g, groups[0], look).absolute) for k, g in enumerate(groups[1:])]
    return verdict_is_wrong(verdict(findings), findings, [], effects)
