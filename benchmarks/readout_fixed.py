"""Coverage of every comparison at one look of a fixed design, of Fieller's cost per user, and of the early view."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import ndtr

from benchmarks.readout_tally import Rate
from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.comparisons.winsorised import nonzero_quantile
from offline_eval.ab.delay import Delays, early_view
from offline_eval.ab.money import money
from offline_eval.ab.sample import Sample

Truth = dict[str, float]
Draw = Callable[[np.random.Generator, bool], Sample]

LOG_SD = 1.2


def proportion(rate: float, lift: float, n: tuple[int, int]) -> tuple[Draw, float, float]:
    def draw(rng: np.random.Generator, treated: bool) -> Sample:
        size = n[0] if treated else n[1]
        return Sample.of_counts(int(rng.binomial(size, rate + lift * treated)), size)

    return draw, lift, lift / rate


def revenue(rate: float, lift: float, n: int) -> tuple[Draw, float, float]:
    """Most spend nothing, the others log-normally; a covariate known before explains part of it."""
    mean = np.exp(LOG_SD**2 / 2)

    def draw(rng: np.random.Generator, treated: bool) -> Sample:
        x = rng.normal(size=n)
        spends = rng.random(n) < (rate + lift * treated)
        noise = LOG_SD * (0.6 * x + 0.8 * rng.normal(size=n))
        return Sample.of(spends * np.exp(noise), True, x=x, past=np.exp(0.5 * x))

    return draw, lift * mean, lift / rate


def sessions(n: int) -> tuple[Draw, float, float]:
    """Several decisions for each unit, whose outcomes go together."""

    def draw(rng: np.random.Generator, treated: bool) -> Sample:
        count = 1 + rng.poisson(1.5, n)
        own = np.minimum(rng.beta(2, 8, n) * (1.1 if treated else 1.0), 1.0)
        return Sample.of(rng.binomial(count, own).astype(float), denominator=count.astype(float))

    return draw, 0.02, 0.1


def waiting(n: int) -> tuple[Draw, float, float]:
    """Days until the return, log-normal; the medians are 12 and 10."""

    def draw(rng: np.random.Generator, treated: bool) -> Sample:
        return Sample.of((12.0 if treated else 10.0) * np.exp(0.8 * rng.normal(size=n)), True)

    return draw, 2.0, 0.2


WORLDS = {
    "share 10 % + 2 %, n 400 + 300": (proportion(0.10, 0.02, (400, 300)), ("welch", "large_sample", "exact", "bayes")),
    "share 1 % + 0.5 %, n 800 + 800": (proportion(0.01, 0.005, (800, 800)), ("welch", "exact", "bayes")),
    "share 2 % + 0, n 9000 + 1000": (proportion(0.02, 0.0, (9000, 1000)), ("welch", "large_sample", "exact", "bayes")),
    "revenue, 10 % spend, n 3000 + 3000": (
        revenue(0.10, 0.02, 3000),
        ("welch", "large_sample", "bayes", "cuped", "adjusted"),
    ),
    "ratio, units with 1–7 decisions, n 500 + 500": (sessions(500), ("ratio",)),
    "median of a log-normal, n 400 + 400": (waiting(400), ("quantile",)),
}


FEW_EVENTS = ("share 1 % + 0.5 %, n 800 + 800", "share 2 % + 0, n 9000 + 1000")
"""Worlds with fewer than 50 events in a group, for which only the exact comparison claims anything."""


def fixed_rows(runs: int) -> Iterator[str]:
    """world | comparison | difference: coverage, bounds, runs, mean width | relative: coverage | claim stands."""
    for place, (world, ((draw, absolute, relative), names)) in enumerate(WORLDS.items()):
        rates = {name: (Rate(), Rate()) for name in names}
        for run in range(runs):
            rng = np.random.default_rng([place, run])
            pair = draw(rng, True), draw(rng, False)
            for name in names:
                # Bayes is a thousand times slower than the others.
                if name == "bayes" and run >= runs // 4:
                    continue
                found = COMPARISONS[name]().compare(*pair)
                forms = ((found.absolute, absolute), (found.relative, relative))
                for rate, (e, truth) in zip(rates[name], forms, strict=True):
                    low = -np.inf if e.lower is None else e.lower
                    high = np.inf if e.upper is None else e.upper
                    rate.add(low <= truth <= high, 0.0 if np.isinf(high - low) else high - low)
        for name, (one, other) in rates.items():
            claim = "yes" if one.covers() == other.covers() == "yes" else "**no**"
            claim = "claims 50 events" if world in FEW_EVENTS and name != "exact" else claim
            yield f"{world} | {name} | {one.told()} | {one.mean_width:.4g} | {other.value:.4f} | {claim}"


def winsorised_rows(runs: int) -> Iterator[str]:
    """The difference of the capped means, at the cap that each run found."""
    draw, _, _ = revenue(0.10, 0.02, 3000)
    rate = Rate()
    for run in range(runs):
        rng = np.random.default_rng([90, run])
        pair = draw(rng, True), draw(rng, False)
        cap = nonzero_quantile(pair[0].sketch + pair[1].sketch, 0.99)
        score = np.log(cap) / LOG_SD
        truth = 0.02 * (np.exp(LOG_SD**2 / 2) * ndtr(score - LOG_SD) + cap * ndtr(-score))
        e = COMPARISONS["winsorised"]().compare(*pair).absolute
        rate.add(e.lower <= truth <= e.upper, e.upper - e.lower)
    world, width = "revenue capped at its spends' 99th percentile", rate.mean_width
    yield f"{world} | winsorised | {rate.told()} | {width:.4g} | – | {rate.covers()}"


def guardrail_rows(runs: int) -> Iterator[str]:
    """A treatment exactly at the margin must be called not inferior at most at rate alpha."""
    rate = Rate()
    for run in range(runs):
        rng = np.random.default_rng([91, run])
        pair = [Sample.of_counts(int(rng.binomial(4000, p)), 4000) for p in (0.19, 0.20)]
        p_value = COMPARISONS["non_inferiority"](margin=0.05).compare(*pair).p_value
        rate.add(p_value <= 0.05)
    yield f"non_inferiority at its margin: says 'not inferior' | {rate.told()} | ≤ 0.05 | {rate.at_most(0.05)}"


def money_rows(runs: int) -> Iterator[str]:
    """Cost per incremental user where the lift is large, small and nothing."""
    for lift, name in ((0.05, "large lift"), (0.01, "small lift"), (0.0, "no lift")):
        rate, unbounded = Rate(), Rate()
        for run in range(runs):
            rng = np.random.default_rng([92, run])
            pair = [_spending(rng, 0.1 + lift * treated, 2.0 * treated) for treated in (1, 0)]
            e = money(pair[0], pair[1], 0.3).cost_per_incremental.estimate
            truth = (2.0 * (0.1 + lift) + 0.01) / lift if lift else np.inf
            unbounded.add(e.lower is None)
            rate.add(e.lower is None or e.lower <= truth <= e.upper)
        beside = f"says unbounded {unbounded.value:.3f}"
        yield f"cost per incremental user, {name} | {rate.told()} | {beside} | {rate.covers()}"


def _spending(rng: np.random.Generator, rate: float, reward: float) -> Sample:
    back = (rng.random(2000) < rate).astype(float)
    contact = np.full(2000, 0.01 if reward else 0.0)
    spent = back * rng.lognormal(3, 0.5, 2000)
    return Sample.of(spent, False, reward_cost=back * reward, contact_cost=contact, reengagement=back)


def early_rows(runs: int) -> Iterator[str]:
    """The early view of an eventual rate of 0.3 while a third of the decisions are open."""
    rate = Rate()
    for run in range(runs):
        rng = np.random.default_rng([93, run])
        ages = rng.uniform(0, 30, 600)
        delays = np.where(rng.random(600) < 0.3, 10 * rng.beta(1, 2, 600), np.nan)
        delays[delays > ages] = np.nan
        e = early_view(Delays.of(ages, delays, 10.0)).rate
        rate.add(e.lower <= 0.3 <= e.upper, e.upper - e.lower)
    yield f"early view (Kaplan–Meier), a third still open | {rate.told()} | {rate.mean_width:.4g} | {rate.covers()}"
