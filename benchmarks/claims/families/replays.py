"""Replays: what other policies would have earned, by every estimator with its default interval, and who is better."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.claims.counting import Seen, held
from benchmarks.claims.designs import Design
from benchmarks.claims.families.logs import estimate_of
from benchmarks.claims.learning import World, world_of
from benchmarks.claims.logged import ALLOCATIONS, chances, draw_logged, drawn, log_of_life
from offline_eval.engine import Threads
from offline_eval.replay import Options, replay, usable_estimators

ARM = "fixed:a1"

UNCLAIMED = {"dm": "unclaimed"}
"""The direct method's interval covers the sampling of contexts, not its model's error, and says so."""


def draw(rng: np.random.Generator, made: Design) -> Design:
    """As logs for readouts, shorter; effects only where a fixed arm's value is known."""
    made = draw_logged(rng, made, 1_000, 15_000)
    return replace(made, costs=(0.0, 0.0))


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One log, replayed for every arm and for uniform play."""
    world, log = world_of(design), log_of_life(design, drawn(design, rng))
    if len(log.keys) < 2:
        return
    # Where all arms are alike, so are all policies: then also one that was trained has a known value.
    trained = ["plug_in"] if design.effect == "none" else []
    names = [*(f"fixed:{key}" for key in log.keys), "uniform", *trained]
    found = replay(log, names, usable_estimators(log, None), options=Options(engine=Threads(1)))
    truths = {f"fixed:a{k}": _fixed(world, k) for k in range(design.arms)} | {"uniform": _uniform(world)}
    truths |= dict.fromkeys(trained, truths["fixed:a0"])
    logging = _logging(design, world)
    if ARM in found["policies"]:
        yield from _policy(found["policies"][ARM], truths[ARM], logging)
    yield from _better(found["leaderboard"], truths)


def _policy(told: dict[str, Any], truth: float, logging: float | None) -> Iterator[Seen]:
    for estimator, estimate in told["estimates"].items():
        yield held(f"{UNCLAIMED.get(estimator, 'interval')}: {estimator}", estimate_of(estimate), truth)
    if logging is not None:
        for estimator in ("snips", "dr"):
            if estimator in told["versus_logging"]:
                gap = estimate_of(told["versus_logging"][estimator])
                yield held(f"interval: {estimator} versus logging", gap, truth - logging)


def _better(board: dict[str, Any], truths: dict[str, float]) -> Iterator[Seen]:
    """Called better than the best arm for everybody, of any policy that is not."""
    reference = truths.get(str(board["best_fixed"]))
    if reference is None:
        return
    said = [line["policy"] for line in board["ranking"] if line.get("better")]
    wrong = [name for name in said if name in truths and truths[name] <= reference * (1 + 1e-9)]
    yield Seen("discovery: a policy better", bool(said), bool(wrong))
    winner = board["winner"]
    won = bool(winner and winner.get("better"))
    yield Seen("discovery: the winner better", won, won and winner["policy"] in wrong)


def _fixed(world: World, arm: int) -> float:
    """The arm where it is eligible, else the control."""
    played = np.where(world.eligible[:, arm], world.means[:, arm], world.means[:, 0])
    return float(world.mix @ played)


def _uniform(world: World) -> float:
    """Every eligible arm alike."""
    return float(world.mix @ ((world.means * world.eligible).sum(axis=1) / world.eligible.sum(axis=1)))


def _logging(design: Design, world: World) -> float | None:
    """Of the logging policy, where it is the same throughout."""
    if design.policy not in ALLOCATIONS:
        return None
    return float(world.mix @ (chances(design, world) * world.means).sum(axis=1))
