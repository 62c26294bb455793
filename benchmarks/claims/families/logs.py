"""Readouts of logs: every allocation, strata with gaps, few people with many decisions, logs of learning policies."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.claims.counting import Seen, bounded, held
from benchmarks.claims.designs import Design, price
from benchmarks.claims.learning import world_of
from benchmarks.claims.logged import ALLOCATIONS, draw_logged, drawn, log_of_life
from offline_eval.ab.logged import readout
from offline_eval.engine import Threads
from offline_eval.estimate import Estimate

ARM = "a1"


def draw(rng: np.random.Generator, made: Design) -> Design:
    """See `draw_logged`."""
    return draw_logged(rng, made)


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One log, read once."""
    log = log_of_life(design, drawn(design, rng))
    if not {"a0", ARM} <= set(log.keys):
        return
    found = readout(log, engine=Threads(1))
    moved = {check["name"]: check["status"] for check in found["checks"]}.get("allocation") == "failed"
    if design.policy in ALLOCATIONS:
        yield Seen("mismatch: allocation", True, moved)
    # Where shares moved the readout says that its intervals claim nothing; its verdict is "don't trust".
    for one in _contrasts(design, found):
        yield one._replace(claim=f"unclaimed: {one.claim.split(': ')[1]}") if moved else one
    yield _mismatch(found)
    if design.effect != "lift":
        word = found["verdict"]["word"]
        yield Seen("verdict: ship or stop", word in ("ship", "stop for harm"), word in ("ship", "stop for harm"))


def _contrasts(design: Design, found: dict[str, Any]) -> Iterator[Seen]:
    metric, null, truth = found["objective"], design.effect != "lift", world_of(design).truth(1, 0)
    yield from _intervals(design, found["arms"], metric)
    # With effects that differ between strata, weights that differ too are another (true) answer.
    if truth is not None and (null or design.strata == 1):
        lift = estimate_of(found["arms"][ARM]["lift"][metric]["absolute"])
        difference = held("interval: difference", lift, 0.0 if null else truth)
        yield difference
        if design.has_data_enough and not (design.people.index or design.gaps) and design.policy == "uniform":
            yield bounded("shown: difference", difference)
    if null:
        yield from _discoveries(found, metric)


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
