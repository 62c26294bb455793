"""Contrasts between arms whose shares a policy moves by what it saw: at the end, and after every batch."""

from collections.abc import Iterator

import numpy as np

from benchmarks.claims.counting import Seen, at_any_look, bounded, held
from benchmarks.claims.designs import Design
from benchmarks.claims.learning import Played, draw_learning, play, world_of
from offline_eval.ab.adaptive import ARM_CONTRASTS, Cells, Rounds, Stack
from offline_eval.ab.checks.adaptive_ratio import AdaptiveRatio
from offline_eval.ab.checks.propensity_calibration import PropensityCalibration

ENOUGH_ROUNDS, ENOUGH_RATE = 10_000, 0.05
"""From where on a sequence gives bounds in four of five lives."""


def draw(rng: np.random.Generator, made: Design) -> Design:
    """See `draw_learning`."""
    return draw_learning(rng, made)


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One campaign; an arm, and its difference to the first one."""
    world, played = world_of(design), play(design, rng)
    names = tuple(f"a{k}" for k in range(design.arms))
    limits = design.laws[0].limits
    arm, pairs = 1, {"arm difference": 0, "arm mean": None}
    sequences: dict[str, list[Seen]] = {what: [] for what in pairs}
    total: Cells | None = None
    for batch in range(design.batches):
        part = Cells.of(names, _rounds(played, played.batch == batch))
        total = part if total is None else total + part
        stack = Stack.of(total)
        for what, control in pairs.items():
            truth = world.truth(arm, control)
            if truth is not None:
                against = None if control is None else names[control]
                found = ARM_CONTRASTS["arm_sequence"](stack, names[arm], against, 0.05, limits)
                sequences[what].append(held(what, found.absolute, truth))
    for what, control in pairs.items():
        truth, against = world.truth(arm, control), None if control is None else names[control]
        if truth is None:
            continue
        yield at_any_look(f"sequence: {what}", sequences[what])
        if _has_enough(design):
            yield bounded(f"bounds: {what}", sequences[what][-1])
        found = ARM_CONTRASTS["adaptively_weighted"](stack, names[arm], against, 0.05, limits)
        yield held(f"interval: {what}", found.absolute, truth)
        if control is not None and (relative := world.relative(arm, control)) is not None:
            yield held("interval: arm, relative", found.relative, relative)
    everything = _rounds(played, np.ones(len(played.arm), dtype=bool))
    checks = (AdaptiveRatio.of(names, everything), PropensityCalibration.of(played.pmf, played.arm))
    for check in checks:
        result = check.result()
        yield Seen(f"mismatch: {result.name}", result.status != "too_few", result.status in ("failed", "warning"))


def _has_enough(design: Design) -> bool:
    rates = [law.rate for arm in world_of(design).laws for law in arm]
    return design.horizon >= ENOUGH_ROUNDS and min(rates) >= ENOUGH_RATE and design.laws[0].limits is not None


def _rounds(played: Played, kept: np.ndarray) -> Rounds:
    columns = (played.batch, played.arm, played.pmf, played.reward, played.segment)
    return Rounds(*(column[kept] for column in columns))
