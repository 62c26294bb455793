"""Policies x environments x seeds → regret, with an interval over the seeds."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
import scipy

from bandit.rounds import PolicySpec
from offline_eval.estimate import Estimate
from offline_eval.simulation import ENVIRONMENTS
from offline_eval.simulation.play import Course, play
from offline_eval.simulation.world import Floats

Case = tuple[str, str, int]
"""Policy, environment, seed."""


@dataclass(frozen=True)
class Outcome:
    """One policy in one environment over all seeds.

    Attributes:
        regret: mean regret of a round, with Student's interval over the seeds.
        rounds, curve, spread: checkpoints (c,), summed regret there (mean over seeds), and its standard error.
    """

    policy: str
    environment: str
    regret: Estimate
    rounds: Floats
    curve: Floats
    spread: Floats


def simulate(
    policies: Sequence[str],
    environments: Sequence[str],
    seeds: int = 5,
    rounds: int = 2000,
    workers: int | None = None,
    done: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """Play every policy in every environment; the same seed gives the same world and luck to all, and the same answer.

    Raises KeyError for an unknown environment and PolicySpecError for an unknown policy.
    """
    cases = [(policy, name, seed) for name in environments for policy in policies for seed in range(seeds)]
    courses: dict[tuple[str, str], list[Course]] = {}
    for (policy, name, _), course in zip(cases, _courses(cases, rounds, workers), strict=True):
        courses.setdefault((policy, name), []).append(course)
        done()
    return [_outcome(policy, name, found) for (policy, name), found in courses.items()]


def _courses(cases: Sequence[Case], rounds: int, workers: int | None) -> Iterator[Course]:
    count = min(workers or os.cpu_count() or 1, len(cases))
    if count <= 1:
        yield from map(partial(_case, rounds), cases)
        return
    # Vowpal Wabbit holds the interpreter lock: only processes make it faster. Forking would copy running threads.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(_case, rounds), cases)


def _case(rounds: int, case: Case) -> Course:
    policy, name, seed = case
    return play(PolicySpec(policy, seed=seed), ENVIRONMENTS[name](seed, rounds), seed)


def _outcome(policy: str, environment: str, courses: Sequence[Course]) -> Outcome:
    regret = np.stack([course.regret for course in courses])
    count = len(courses)
    spread = regret.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.full(regret.shape[1], np.nan)
    per_round = interval([course.per_round for course in courses])
    return Outcome(policy, environment, per_round, courses[0].rounds, regret.mean(axis=0), spread)


def interval(values: Sequence[float], alpha: float = 0.05) -> Estimate:
    """Student's interval for the mean of independent seeds; without bounds where there is only one."""
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Estimate(mean, None, None, n, float(n), "mean", alpha)
    reach = float(scipy.stats.t.ppf(1 - alpha / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - reach, mean + reach, n, float(n), "mean+student", alpha)
