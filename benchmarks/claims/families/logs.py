"""Readouts of logs: every allocation, strata with gaps, few people with many decisions, logs of learning policies."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.claims.counting import Seen, bounded, held
from benchmarks.claims.designs import Design, price
from benchmarks.claims.learning import world_of
from benchmarks.claims.logged import draw_logged, drawn, log_of_life
from offline_eval.ab.logged import readout
from offline_eval.engine import Threads
from offline_eval.estimate import Estimate

ARM = "a1"


def draw(rng: np.random.Generator, made: Design) -> Design:
    """See `draw_logged`."""
    return draw_logged(rng, made)


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One log, read once."""
    world, log = world_of(design), log_of_life(design, drawn(design, rng))
    if not {"a0", ARM} <= set(log.keys):
        return
    found = readout(log, engine=Threads(1))
    metric, null = found["objective"], design.effect != "lift"
    yield from _intervals(design, found["arms"], metric)
    truth = world.truth(1, 0)
    lift = found["arms"][ARM]["lift"][metric]
    if truth is not None:
        difference = held("interval: difference", estimate_of(lift["absolute"]), 0.0 if null else truth)
        # With effects that differ between strata, weights that differ too are another (true) answer.
        if null or design.strata == 1:
            yield difference
        if design.has_data_enough and not (design.people.index or design.gaps) and design.policy == "uniform":
            yield bounded("shown: difference", difference)
    yield _mismatch(found)
    if null:
        yield from _discoveries(found, metric)
        word = found["verdict"]["word"]
        yield Seen("verdict: ship or stop", word in ("ship", "stop for harm"), word in ("ship", "stop for harm"))


def _intervals(design: Design, arms: dict[str, Any], metric: str) -> Iterator[Seen]:
    world = world_of(design)
    if not design.gaps:
        yield held("interval: mean", estimate_of(arms[ARM]["metrics"][metric]), world.truth(1, None) or 0.0)
    relative = world.relative(1, 0)
    if design.strata == 1 and relative is not None:
        yield held("interval: relative", estimate_of(arms[ARM]["lift"][metric]["relative"]), relative)
    money = arms[ARM].get("money")
    if money is None or design.strata > 1:
        return
    contact, reward = design.costs
    cost, back = contact + reward, world.laws[1][0].rate - world.laws[0][0].rate
    net, control = world.laws[1][0].mean - cost, world.laws[0][0].mean
    yield held("interval: ROI", estimate_of(money["roi"]), net / cost)
    yield held("interval: cost per incremental", estimate_of(money["cost_per_incremental"]), price(cost, back))
    yield held("interval: incremental ROI", estimate_of(money["incremental_roi"]), (net - control) / cost)


def _mismatch(found: dict[str, Any]) -> Seen:
    told = found["sample_ratio"]
    return Seen("mismatch: log", told["p_value"] is not None, bool(told["mismatch"]))


def _discoveries(found: dict[str, Any], metric: str) -> Iterator[Seen]:
    adjusted = [arm["lift"][metric]["p_adjusted"] for arm in found["arms"].values() if "lift" in arm]
    known = [p for p in adjusted if p is not None]
    yield Seen("discovery: an arm differs", bool(known), any(p <= 0.05 for p in known))
    for part in found["segments"].values():
        test = part["differ"][ARM]
        told = test["p_value"] is not None
        yield Seen("discovery: segments differ", told, told and test["p_value"] <= 0.05)


def estimate_of(told: dict[str, Any]) -> Estimate:
    """From the JSON form."""
    names = ("value", "lower", "upper", "n", "effective_n", "method", "alpha")
    return Estimate(**{name: told[name] for name in names})
