"""Designs in which plain intervals of replays fail: rare rewards, few people, many equal policies, gaps in support.

Each function simulates logs of one design and scores what a replay would show with its default rule.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.logs_with_truth import World
from offline_eval.estimate import Estimate
from offline_eval.intervals.known import Bounds
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.batch import Batch
from offline_eval.ope.difference import difference, gather_joint
from offline_eval.ope.evaluate import estimate
from offline_eval.ope.gather import Plan, Statistics, gather

Scores = dict[str, list[bool]]
ALPHA = 0.05
PLAN = Plan(("ips", "snips", "dr"), buckets=False)
EVENTS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
ARMS = 5


def holds(found: Estimate, truth: float) -> bool:
    """Whether the truth is inside; no bound excludes nothing."""
    return (found.lower is None or found.lower <= truth) and (found.upper is None or truth <= found.upper)


def rare(events: float, rows: int, tries: int, rng: np.random.Generator, high: bool = False) -> Scores:
    """One of five equally likely arms for everybody, with so many expected events (or, `high`, non-events) an arm."""
    rate, scores = events * ARMS / rows, defaultdict(list)
    bounds, truth = Bounds((0.0, 1.0), (0.0, float(ARMS))), 1.0 - rate if high else rate
    target = np.tile(np.eye(ARMS)[0], (rows, 1))
    q = np.full((rows, ARMS), truth)
    for _ in range(tries):
        reward = (rng.random(rows) < truth).astype(np.float64)
        batch = Batch.of(rng.integers(0, ARMS, rows), np.full(rows, 1 / ARMS), reward, target, q=q)
        statistics = gather(batch, PLAN)
        other = batch.seen_from(np.roll(target, 1, axis=1))
        sides, joint = (statistics, gather(other, PLAN)), gather_joint(batch, other, PLAN)
        for name in ("snips", "dr"):
            scores[f"{name} + the rule"].append(holds(estimate(name, statistics, bounds), truth))
            scores[f"{name}, difference + the rule"].append(holds(difference(name, joint, sides, bounds), 0.0))
        scores["dr + normal"].append(holds(estimate("dr", statistics, bounds, "normal"), truth))
        scores["snips + empirical_likelihood"].append(
            holds(estimate("snips", statistics, bounds, "empirical_likelihood"), truth)
        )
    return dict(scores)


@dataclass(frozen=True)
class Crowd:
    """People with several decisions each.

    Attributes:
        tail: Pareto exponent of the numbers of decisions, at least 5 and at most 2,000; None: 60 for everybody.
        alike: a + b of the Beta distribution of the people's own rates; None: all have the same.
    """

    people: int
    tail: float | None
    alike: float | None
    rate: float = 0.2

    def log(self, rng: np.random.Generator) -> Batch:
        """Two equally likely arms without any effect, seen from the first for everybody."""
        sizes = np.full(self.people, 60)
        if self.tail is not None:
            sizes = np.minimum(5 * (1 + rng.pareto(self.tail, self.people)), 2000).astype(int)
        own = np.full(self.people, self.rate)
        if self.alike is not None:
            own = rng.beta(self.rate * self.alike, (1 - self.rate) * self.alike, self.people)
        who = np.repeat(np.arange(self.people), sizes)
        rows = len(who)
        return Batch.of(
            rng.integers(0, 2, rows),
            np.full(rows, 0.5),
            (rng.random(rows) < own[who]).astype(np.float64),
            np.tile([1.0, 0.0], (rows, 1)),
            q=np.full((rows, 2), self.rate),
            unit=rng.integers(0, 1 << 63, self.people, dtype=np.uint64)[who],
        )


def few_people(crowd: Crowd, tries: int, rng: np.random.Generator) -> Scores:
    """The value of one arm for everybody, and its difference to the other."""
    scores, bounds = defaultdict(list), Bounds((0.0, 1.0), (0.0, 2.0))
    for _ in range(tries):
        batch = crowd.log(rng)
        statistics = gather(batch, PLAN)
        other = batch.seen_from(np.tile([0.0, 1.0], (len(batch), 1)))
        sides, joint = (statistics, gather(other, PLAN)), gather_joint(batch, other, PLAN)
        for name in ("snips", "dr"):
            scores[f"{name} + the rule"].append(holds(estimate(name, statistics, bounds), crowd.rate))
        scores["snips, difference + the rule"].append(holds(difference("snips", joint, sides, bounds), 0.0))
    return dict(scores)


def equal_arms(rows: int, tries: int, rng: np.random.Generator, arms: int = 12) -> Scores:
    """Whether none of so many arms that are all the same is shown to be better than the log: apart and together."""
    scores, bounds = defaultdict(list), Bounds((0.0, 1.0), (0.0, float(arms)))
    for _ in range(tries):
        reward = (rng.random(rows) < 0.3).astype(np.float64)
        uniform = np.full((rows, arms), 1 / arms)
        batch = Batch.of(rng.integers(0, arms, rows), np.full(rows, 1 / arms), reward, uniform)
        logging = gather(batch, Plan(("snips",), buckets=False))
        lowest: dict[str, float] = {}
        for alpha, what in ((ALPHA, "each by itself"), (ALPHA / arms, "all at once (the rule)")):
            found = (versus(batch, arm, logging, bounds, alpha) for arm in range(arms))
            lowest[what] = max(-1.0 if one.lower is None else one.lower for one in found)
        for what, lower in lowest.items():
            scores[f"no false better, {what}"].append(lower <= 0.0)
    return dict(scores)


def versus(batch: Batch, arm: int, logging: Statistics, bounds: Bounds, alpha: float) -> Estimate:
    """One arm for everybody less what the log earned."""
    plan, count = Plan(("snips",), buckets=False), int(bounds.weight[1]) if bounds.weight else 0
    fixed = batch.seen_from(np.tile(np.eye(count)[arm], (len(batch), 1)))
    joint = gather_joint(fixed, batch, plan)
    return difference("snips", joint, (gather(fixed, plan), logging), bounds, alpha=alpha)


def gap(share: float, rows: int, tries: int, rng: np.random.Generator) -> Scores:
    """No arm has an effect; the stratum of so large a share, where everybody earns more, never had the first arm."""
    scores, bounds = defaultdict(list), Bounds((0.0, 1.0), (0.0, 4.0))
    for _ in range(tries):
        rich = rng.random(rows) < share
        logged = np.where(rich[:, None], [[0.0, 1.0]], [[0.5, 0.5]])
        action = (rng.random(rows) >= logged[:, 0]).astype(np.intp)
        reward = (rng.random(rows) < np.where(rich, 0.5, 0.2)).astype(np.float64)
        truth, target = share * 0.5 + (1 - share) * 0.2, np.tile([1.0, 0.0], (rows, 1))
        batch = Batch.of(
            action, logged[np.arange(rows), action], reward, target, q=np.full((rows, 2), 0.2), logged=logged
        )
        own = batch.seen_from(logged)
        sides, joint = (gather(batch, PLAN), gather(own, PLAN)), gather_joint(batch, own, PLAN)
        for name in ("ips", "snips", "dr"):
            scores[f"{name} + the rule"].append(holds(estimate(name, sides[0], bounds), truth))
            scores[f"{name}, difference to logging"].append(holds(difference(name, joint, sides, bounds), 0.0))
    return dict(scores)


def every_estimator(world: World, rows: int, tries: int, rng: np.random.Generator) -> Scores:
    """The value by every estimator of the registry with the interval that its rule chooses."""
    scores, plan = defaultdict(list), Plan(tuple(ESTIMATORS), buckets=False)
    for _ in range(tries):
        statistics = gather(world.sample(rng, rows), plan)
        for name in ESTIMATORS:
            scores[f"{name} + the rule"].append(holds(estimate(name, statistics, world.bounds), world.truth))
    return dict(scores)


def amounts(sigma: float, rows: int, tries: int, rng: np.random.Generator, rate: float = 0.3) -> Scores:
    """One of four equally likely arms, all alike: log-normal amounts of so large a σ, without a known limit, from
    `rate` of the rows. Besides whether bounds hold, how often any are shown."""
    scores, plan = defaultdict(list), Plan(("snips",), buckets=False, cells=False)
    truth, target = rate * float(np.exp(sigma**2 / 2)), np.tile(np.eye(4)[0], (rows, 1))
    for _ in range(tries):
        reward = np.where(rng.random(rows) < rate, np.exp(sigma * rng.normal(size=rows)), 0.0)
        batch = Batch.of(rng.integers(0, 4, rows), np.full(rows, 0.25), reward, target)
        other = batch.seen_from(np.roll(target, 1, axis=1))
        sides, joint = (gather(batch, plan), gather(other, plan)), gather_joint(batch, other, plan)
        value, apart = estimate("snips", sides[0]), difference("snips", joint, sides)
        for name, found, right in (("snips", value, truth), ("snips, difference", apart, 0.0)):
            scores[f"{name} + the rule"].append(holds(found, right))
            scores[f"{name}: shown"].append(found.is_bounded)
        scores["snips + normal"].append(holds(estimate("snips", sides[0], interval="normal"), truth))
    return dict(scores)


CROWDS: dict[str, Callable[[int], Crowd]] = {
    "60 decisions each, people alike": lambda people: Crowd(people, None, None),
    "60 decisions each, people differ": lambda people: Crowd(people, None, 10.0),
    "Pareto 1.5 decisions, people differ": lambda people: Crowd(people, 1.5, 10.0),
    "Pareto 1.1 decisions, people differ": lambda people: Crowd(people, 1.1, 10.0),
}
