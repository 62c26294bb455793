"""Coverage by simulation with exact binomial bounds; the full tables come from `python -m benchmarks.coverage`."""

import math
import tracemalloc

import numpy as np
import pytest

from benchmarks.coverage import Score, clopper_pearson, fixed_n, heavy_weights, peeked, wealth_peeked
from benchmarks.logs_with_truth import ELFCB_BOUNDS, elfcb, heavy, light, revenue
from benchmarks.ope import SEVEN, Log, batch_of
from offline_eval.intervals.empirical_likelihood import bounds
from offline_eval.intervals.likelihood import Table
from offline_eval.intervals.rule import default_interval
from offline_eval.ope.evaluate import known_of
from offline_eval.ope.gather import Plan, gather

SURE = 1e-3
"""Error of the exact bounds: a test fails only where the claim is refuted at this level."""

UNDER_HEAVY_WEIGHTS = {
    "cressie_read + cressie_read",
    "empirical_likelihood + empirical_likelihood",
    "ips + empirical_bernstein",
    "ips + merged_cs",
    "ips + gamma_exponential_cs",
    "ips + empirical_bernstein_cs",
}


def refuted(score: Score, claim: float) -> bool:
    """Whether coverage of at least `claim` is out of the question."""
    return clopper_pearson(score.hits, score.tries, SURE)[1] < claim


def test_light_weights_every_interval_covers() -> None:
    for name, score in fixed_n(light(), 500, 100, np.random.default_rng(1)).items():
        assert not refuted(score, 0.93), (name, score.cell)


def test_heavy_weights_those_that_claim_it_cover_and_so_does_the_rule() -> None:
    scores = fixed_n(heavy(), 2000, 100, np.random.default_rng(2))
    for name in UNDER_HEAVY_WEIGHTS | {name for name in scores if "the rule" in name}:
        assert not refuted(scores[name], 0.94), (name, scores[name].cell)
    assert refuted(scores["ips + normal"], 0.93)


def test_unbounded_revenue_the_rule_covers_or_claims_nothing() -> None:
    few = fixed_n(revenue(), 500, 60, np.random.default_rng(3))
    some = fixed_n(revenue(), 5_000, 120, np.random.default_rng(4))
    assert math.isinf(few["**snips + the rule**"].width)
    for name in (name for name in some if "the rule" in name):
        assert not refuted(some[name], 0.94), (name, some[name].cell)


def test_anytime_valid_ones_cover_under_peeking_after_every_row() -> None:
    rng = np.random.default_rng(5)
    for world in (light(), heavy()):
        scores = peeked(world, 2000, 60, rng) | wealth_peeked(world, 2000, 60, rng)
        for name, score in scores.items():
            if world.name == light().name or "asymptotic" not in name:
                assert not refuted(score, 0.95), (world.name, name, score.cell)


def test_a_normal_interval_does_not_survive_peeking() -> None:
    rng, world, out = np.random.default_rng(6), light(), 0
    for _ in range(60):
        batch = world.sample(rng, 2000)
        term = batch.target_chosen / batch.propensity * batch.reward
        n = np.arange(1, 2001)
        mean = np.cumsum(term) / n
        error = np.sqrt(np.maximum(np.cumsum(term**2) / n - mean**2, 0) / n)
        out += bool((np.abs(mean - world.truth) > 1.96 * error)[100:].any())
    assert clopper_pearson(out, 60, SURE)[0] > 0.05


def many_elfcb(rows: int, tries: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truths (R,) and cell counts (R, 6) of many logs of the experiment."""
    rng = np.random.default_rng(seed)
    truths, counts = np.empty(tries), np.empty((tries, 6))
    for place in range(tries):
        batch, truths[place] = elfcb(rng, rows)
        cell = np.searchsorted([0.0, 0.002, 1.0], batch.target_chosen) * 2 + (batch.reward > 0)
        counts[place] = np.bincount(cell, minlength=6)
        if place < 20:
            known = known_of(gather(batch, Plan(("ips",))), ELFCB_BOUNDS)
            assert default_interval(known) == "empirical_likelihood"
    return truths, counts


@pytest.mark.parametrize(("rows", "widest"), [(1_275, 0.172), (14_385, 0.094)])
def test_the_rule_in_the_experiment_of_the_empirical_likelihood_paper(rows: int, widest: float) -> None:
    truths, counts = many_elfcb(rows, 1500, rows)
    weight = np.tile(np.repeat([0.0, 2.0, 1000.0], 2), (len(counts), 1))
    lower, upper = bounds(Table(counts, weight, 0.0, 1000.0), weight * np.tile([0.0, 1.0], 3), (0.0, 1.0), 0.05)
    hits = int(((lower <= truths) & (truths <= upper)).sum())
    assert clopper_pearson(hits, len(truths), SURE)[0] > 0.94
    assert (upper - lower).mean() < widest * 1.02


def test_memory_stays_bounded() -> None:
    batch = batch_of(Log(200_000))
    tracemalloc.start()
    gather(batch, Plan(SEVEN))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


@pytest.mark.proof
def test_the_tables_at_length() -> None:
    rng = np.random.default_rng(7)
    for rows in (1_275, 14_385):
        score = heavy_weights(rows, 2000, rng)["**empirical_likelihood + the rule**"]
        assert clopper_pearson(score.hits, score.tries)[0] >= 0.94
    for world, rows, tries in ((light(), 5_000, 1000), (heavy(), 5_000, 1000), (heavy(), 50_000, 400)):
        for name, score in fixed_n(world, rows, tries, rng).items():
            if "the rule" in name:
                assert not refuted(score, 0.95), (world.name, rows, name, score.cell)
