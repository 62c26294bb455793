"""Rows of one decision a unit, looked at again and again: the sequence and the verdict over several arms."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.claims.counting import Seen, at_any_look, bounded, held, over_looks
from benchmarks.claims.designs import (
    Design,
    draw_effect,
    draw_horizon,
    draw_law,
    draw_laws,
    draw_looks,
    draw_shares,
)
from benchmarks.claims.judged import judged, level_of
from benchmarks.claims.laws import Law
from benchmarks.claims.samples import running_samples
from offline_eval.ab.choosing import comparison_for
from offline_eval.ab.sample import Sample
from offline_eval.ab.verdict import Finding
from offline_eval.estimate import Estimate

GUARDED = Law(0.02)
"""A guardrail metric that nothing harms."""


def draw(rng: np.random.Generator, made: Design) -> Design:
    """2 to 12 arms, up to two guardrails on each."""
    arms = int(rng.choice([2, 2, 2, 3, 4, 6, 8, 12]))
    effect, horizon = draw_effect(rng), draw_horizon(rng)
    laws = draw_laws(rng, draw_law(rng, 0.75), arms, effect)
    looks, guardrails = draw_looks(rng, horizon, arms), int(rng.choice([0, 0, 1, 2]))
    shares = draw_shares(rng, arms)
    return replace(made, laws=laws, effect=effect, shares=shares, horizon=horizon, looks=looks, guardrails=guardrails)


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One campaign."""
    arm = rng.choice(design.arms, design.horizon, p=design.shares)
    stops = np.linspace(0, design.horizon, design.looks + 1).astype(int)[1:]
    ends = [np.searchsorted(np.flatnonzero(arm == k), stops) for k in range(design.arms)]
    groups = [_lived(law, end, rng) for law, end in zip(design.laws, ends, strict=True)]
    guarded = [[_lived(GUARDED, end, rng) for end in ends] for _ in range(design.guardrails)]
    pairs = zip(groups[1], groups[0], strict=True)
    looks = [held("difference", _compared(*pair), design.effects[0]) for pair in pairs]
    yield at_any_look("sequence: difference", looks)
    if design.has_data_enough:
        yield bounded("shown: difference while running", looks[-1])
    yield from over_looks(_judged(look, groups, guarded, design) for look in range(design.looks))


def _lived(law: Law, ends: np.ndarray, rng: np.random.Generator) -> list[Sample]:
    return running_samples(law.values(rng, int(ends[-1])), ends, law)


def _compared(treated: Sample, control: Sample, alpha: float = 0.05) -> Estimate:
    return comparison_for(treated, control, running=True, alpha=alpha).compare(treated, control).absolute


def _judged(look: int, groups: list[list[Sample]], guarded: list[list[list[Sample]]], design: Design) -> Iterator[Seen]:
    now = [group[look] for group in groups]
    level = level_of(len(now), (len(now) - 1) * len(guarded))
    watched = [
        Finding(f"{place}, {k}", _compared(metric[k][look], metric[0][look], level))
        for place, metric in enumerate(guarded)
        for k in range(1, len(now))
    ]
    return judged(lambda a, b, alpha: _compared(now[a], now[b], alpha), design.standing, watched)
