"""Measured coverage and width of every interval at nominal 95 %: `python -m benchmarks.coverage [--quick] [--designs]`.

Markdown tables: each interval at n = 500, 5,000 and 50,000 in worlds of known truth; anytime-valid intervals under
peeking after every row; the heavy-weights experiment of the empirical likelihood paper. Brackets are exact binomial
(Clopper-Pearson) 95 % bounds on the coverage.
"""

import argparse
import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

import numpy as np
from scipy.stats import beta

from benchmarks.coverage_designs import (
    CROWDS,
    EVENTS,
    Scores,
    amounts,
    equal_arms,
    every_estimator,
    few_people,
    gap,
    rare,
)
from benchmarks.logs_with_truth import ELFCB_BOUNDS, World, elfcb, heavy, light, revenue
from offline_eval.estimate import Estimate
from offline_eval.intervals.asymptotic_cs import BURN_IN, spread
from offline_eval.intervals.empirical_bernstein_cs import path_bounds
from offline_eval.intervals.evidence import MissingEvidenceError
from offline_eval.intervals.gamma_exponential_cs import log_wealth
from offline_eval.intervals.sequence import Side
from offline_eval.ope.batch import Batch
from offline_eval.ope.difference import difference, gather_joint
from offline_eval.ope.evaluate import estimate
from offline_eval.ope.gather import Plan, gather
from offline_eval.ope.rows import Rows

ALPHA = 0.05
SEED = 20_261
SIGMAS = (0.3, 0.6, 1.0, 1.5, 2.0)
PAIRS: tuple[tuple[str, str | None], ...] = (
    ("ips", "normal"),
    ("snips", "normal"),
    ("snips", "bootstrap"),
    ("dr", "normal"),
    ("dr", "bootstrap"),
    ("sndr", "normal"),
    ("ips", "empirical_bernstein"),
    ("snips", "asymptotic_cs"),
    ("cressie_read", "cressie_read"),
    ("empirical_likelihood", "empirical_likelihood"),
    ("ips", "merged_cs"),
    ("ips", "gamma_exponential_cs"),
    ("ips", "empirical_bernstein_cs"),
    ("snips", None),
    ("dr", None),
    ("switch_dr", None),
    ("dros", None),
    ("clipped_ips", None),
    ("empirical_likelihood", None),
)


class Score:
    """Hits and widths of one interval."""

    def __init__(self) -> None:
        self.hits, self.tries, self.width = 0, 0, 0.0

    def add(self, lower: float, upper: float, truth: float) -> None:
        """One interval at a fixed number of rows."""
        self.count(lower <= truth <= upper, upper - lower)

    def count(self, inside: bool, width: float) -> None:
        """One hit or miss."""
        self.tries += 1
        self.hits += inside
        self.width += width

    @property
    def cell(self) -> str:
        """Coverage, its exact bounds, and the mean width."""
        low, high = clopper_pearson(self.hits, self.tries)
        width = self.width / self.tries
        shown = "" if math.isnan(width) else " / ∞" if math.isinf(width) else f" / {width:.3g}"
        return f"{self.hits / self.tries:.3f} [{low:.3f}, {high:.3f}]{shown}"


def clopper_pearson(hits: int, tries: int, alpha: float = 0.05) -> tuple[float, float]:
    """Exact bounds of a binomial proportion."""
    low = float(beta.ppf(alpha / 2, hits, tries - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - alpha / 2, hits + 1, tries - hits)) if hits < tries else 1.0
    return low, high


def span(found: Estimate) -> tuple[float, float]:
    """Bounds with infinities where there are none."""
    return (-math.inf if found.lower is None else found.lower, math.inf if found.upper is None else found.upper)


def label(estimator: str, interval: str | None) -> str:
    """Name of a table's row."""
    return f"{estimator} + {interval}" if interval else f"**{estimator} + the rule**"


def fixed_n(world: World, rows: int, tries: int, rng: np.random.Generator) -> dict[str, Score]:
    """Every interval over `tries` logs of `rows` rows, and the paired difference to the uniform policy."""
    scores: dict[str, Score] = defaultdict(Score)
    uniform = np.full_like(world.target, 1.0 / world.target.shape[1])
    plan = Plan(("ips", "snips", "dr", "switch_dr", "dros", "clipped_ips"), sequence=world.bounds.reward is not None)
    for _ in range(tries):
        batch = world.sample(rng, rows)
        statistics = gather(batch, plan, world.bounds)
        for estimator, interval in PAIRS:
            try:
                found = estimate(estimator, statistics, world.bounds, interval)
            except MissingEvidenceError:
                continue
            scores[label(estimator, interval)].add(*span(found), world.truth)
        other = batch.seen_from(uniform[context_of(world, batch)])
        sides = statistics, gather(other, Plan(plan.estimators))
        joint = gather_joint(batch, other, plan)
        found = difference("snips", joint, sides, world.bounds)
        scores["**snips, difference to uniform + the rule**"].add(*span(found), world.truth - world.value(uniform))
    return scores


def context_of(world: World, batch: Batch) -> np.ndarray:
    """(n,) context of each row, recognised by the target's pmf."""
    target = batch.need("target", "contexts are recognised by it")
    return np.abs(target[:, None, :] - world.target[None]).sum(axis=2).argmin(axis=1)


def peeked(world: World, rows: int, tries: int, rng: np.random.Generator) -> dict[str, Score]:
    """Share of logs on which the truth is inside after every row; widths are those after the last row."""
    scores: dict[str, Score] = defaultdict(Score)
    for _ in range(tries):
        part = Rows(world.sample(rng, rows))
        for name, low, high in paths(part, world.bounds.reward is not None):
            inside = bool(((low <= world.truth) & (world.truth <= high)).all())
            scores[name].count(inside, float(high[-1] - low[-1]))
    return scores


def paths(rows: Rows, bounded: bool) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, lower and upper bound after every row."""
    n = np.arange(1, len(rows.weight) + 1)
    mean = np.cumsum(rows.weighted_reward) / n
    variance = np.maximum(np.cumsum(rows.weighted_reward**2) / n - mean**2, 0.0)
    half = np.where(n < BURN_IN, np.inf, np.sqrt(variance) * spread(np.maximum(n, 2), ALPHA))
    yield "ips + asymptotic_cs (after its burn-in)", mean - half, mean + half
    if bounded:
        sides = rows.weighted_reward, rows.weight - rows.weighted_reward
        low, high = (path_bounds(Side().path(x), ALPHA / 2) for x in sides)
        yield "empirical_bernstein_cs", low, 1.0 - high


def wealth_peeked(world: World, rows: int, tries: int, rng: np.random.Generator) -> dict[str, Score]:
    """The gamma-exponential sequences: the truth stays inside while neither side's wealth at it exceeds 2/α."""
    scores: dict[str, Score] = defaultdict(Score)
    limit = math.log(2.0 / ALPHA)
    for _ in range(tries):
        part = Rows(world.sample(rng, rows))
        sides = (part.weighted_reward, world.truth), (part.weight - part.weighted_reward, 1.0 - world.truth)
        crossed: dict[str, bool] = defaultdict(bool)
        for x, mean in sides:
            path = Side().path(x)
            excess = path.total - path.t * mean
            crossed["gamma_exponential_cs"] |= bool((log_wealth(excess, path.centred) > limit).any())
            crossed["merged_cs"] |= bool((log_wealth(excess, np.cumsum(x**2)) > limit).any())
        for name, out in crossed.items():
            scores[name].count(not out, math.nan)
    return scores


def heavy_weights(rows: int, tries: int, rng: np.random.Generator) -> dict[str, Score]:
    """The experiment of the empirical likelihood paper."""
    scores: dict[str, Score] = defaultdict(Score)
    pairs = (
        ("ips", "normal"),
        ("ips", "bootstrap"),
        ("ips", "empirical_bernstein"),
        ("cressie_read", "cressie_read"),
        ("empirical_likelihood", "empirical_likelihood"),
        ("empirical_likelihood", None),
    )
    for _ in range(tries):
        batch, truth = elfcb(rng, rows)
        statistics = gather(batch, Plan(("ips",)))
        for estimator, interval in pairs:
            low, high = span(estimate(estimator, statistics, ELFCB_BOUNDS, interval))
            scores[label(estimator, interval)].add(max(low, 0.0), min(high, 1.0), truth)
    return scores


def table(title: str, columns: dict[str, dict[str, Score]]) -> Iterator[str]:
    """Markdown lines."""
    yield f"\n### {title}\n"
    yield "| interval | " + " | ".join(columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    names = dict.fromkeys(name for scores in columns.values() for name in scores)
    for name in names:
        cells = (scores[name].cell if name in scores else "" for scores in columns.values())
        yield f"| {name} | " + " | ".join(cells) + " |"


def report(effort: float) -> Iterator[str]:
    """All tables; `effort` scales the numbers of simulated logs."""
    rng = np.random.default_rng(SEED)
    sizes = {500: int(1500 * effort), 5_000: int(1500 * effort), 50_000: int(500 * effort)}
    yield "Cells: coverage [exact 95 % bounds] / mean width."
    for world in (light(), heavy(), heavy(known=False), revenue()):
        found = {f"n = {rows:,}": fixed_n(world, rows, tries, rng) for rows, tries in sizes.items()}
        yield from table(world.name, found)
    for world in (light(), heavy(), revenue()):
        found = {}
        for rows, tries in ((5_000, int(1000 * effort)), (50_000, int(200 * effort))):
            scores = peeked(world, rows, tries, rng)
            if world.bounds.reward:
                scores |= wealth_peeked(world, rows, tries, rng)
            found[f"{rows:,} rows"] = scores
        yield from table(f"Under peeking after every row: {world.name}", found)
    found = {f"n = {rows:,}": heavy_weights(rows, int(2500 * effort), rng) for rows in (1_275, 14_385)}
    yield from table("Weights in {0, 2, 1000}, E[w²] = 100 (the empirical likelihood paper's experiment)", found)


def scored(scores: Scores) -> dict[str, Score]:
    """Hits and misses as cells without a width."""
    found: dict[str, Score] = defaultdict(Score)
    for name, held in scores.items():
        for inside in held:
            found[name].count(inside, math.nan)
    return found


def designs(effort: float) -> Iterator[str]:
    """The tables of designs in which plain intervals fail."""
    rng, tries = np.random.default_rng(SEED), max(10, int(1000 * effort))
    for high in (False, True):
        found = {f"{e:g} expected": scored(rare(e, 4_000, tries, rng, high)) for e in EVENTS}
        yield from table("Rare rewards" + (", mirrored: rare failures" if high else ""), found)
    for name, crowd in CROWDS.items():
        found = {f"{size} people": scored(few_people(crowd(size), tries, rng)) for size in (12, 30, 100)}
        yield from table(f"Few people: {name}", found)
    found = {f"n = {rows:,}": scored(equal_arms(rows, tries // 2, rng)) for rows in (3_000, 12_000)}
    yield from table("Twelve arms that are all the same, each against the log", found)
    found = {f"{share:.1%} untried": scored(gap(share, 4_000, tries, rng)) for share in (0.005, 0.05, 0.3)}
    yield from table("A stratum in which the arm was never tried", found)
    for world in (light(), heavy()):
        found = {f"n = {rows:,}": scored(every_estimator(world, rows, tries // 5, rng)) for rows in (500, 5_000)}
        yield from table(f"Every estimator by its own rule: {world.name}", found)
    for rows in (4_000, 40_000):
        found = {f"σ = {sigma:g}": scored(amounts(sigma, rows, tries // 4, rng)) for sigma in SIGMAS}
        yield from table(f"Amounts without a known limit, {rows:,} rows, 30 % spend", found)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the simulated logs")
    parser.add_argument(
        "--designs", action="store_true", help="only rare rewards, few people, equal arms, gaps and amounts"
    )
    chosen = parser.parse_args()
    effort = 0.05 if chosen.quick else 1.0
    for line in chain(() if chosen.designs else report(effort), designs(effort)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
