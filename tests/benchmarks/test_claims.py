"""The harness that judges the product's claims is judged first; then it judges a few designs, and 300 as a proof."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.claims.__main__ import main, run
from benchmarks.claims.counting import Count, Seen, counted, detectable, excluded, held
from benchmarks.claims.crowds import Rollups, crowd
from benchmarks.claims.designs import Design, People, luck
from benchmarks.claims.families import FAMILIES, Family, design_of, designs_of
from benchmarks.claims.judged import verdict_is_wrong
from benchmarks.claims.laws import Law, balanced
from benchmarks.claims.learning import LEARNED
from benchmarks.claims.screening import SCREENING, Effort, lived, worst_of
from offline_eval.ab.verdict import Finding, Verdict
from offline_eval.estimate import Estimate

LAWS = [
    Law(0.03),
    Law(0.2, "lognormal", 1.0, 20.0),
    Law(0.2, "lognormal", 2.5, 20.0, 900.0),
    Law(1.0, "pareto", 1.5, 20.0, 500.0),
    Law(0.5, "pareto", 3.0, 20.0),
]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_mean_of_a_law_is_that_of_a_large_draw(law):
    values = law.values(np.random.default_rng(1), 400_000)
    assert abs(values.mean() - law.mean) < 5 * values.std() / 400_000**0.5
    assert np.count_nonzero(values) == pytest.approx(law.rate * 400_000, rel=0.05)


@pytest.mark.parametrize("law", LAWS[1:], ids=str)
def test_a_balanced_law_has_another_rate_and_the_same_mean(law):
    other = balanced(law, 0.6, 1.7)
    assert other.rate == 0.6
    assert other.mean == pytest.approx(law.mean, rel=1e-8)


def test_bounds_are_those_of_clopper_and_pearson():
    low, high = Count(400, 390, 31).bounds(0.005)
    theirs = binomtest(31, 400).proportion_ci(0.99, "exact")
    assert (low, high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)
    assert Count(50, 50, 0).bounds(0.01)[0] == 0.0


def test_what_can_be_detected_is_refuted_in_four_of_five_runs():
    rate = detectable("verdict: any", 4000, 1e-4)
    wrong = np.random.default_rng(2).binomial(4000, rate, 500)
    found = np.mean([excluded("verdict: any", Count(4000, 4000, int(w)), 1e-4) for w in wrong])
    assert 0.7 < found < 0.9


def test_an_interval_is_wrong_only_where_it_is_shown():
    estimate = Estimate(1.0, 0.5, 1.5, 10, 10.0, "any")
    assert held("interval: x", estimate, 1.2) == Seen("interval: x", True, False)
    assert held("interval: x", estimate, 1.6) == Seen("interval: x", True, True)
    assert held("interval: x", replace(estimate, lower=None, upper=None), 9.0) == Seen("interval: x", False, False)
    assert held("interval: x", replace(estimate, lower=None), 9.0).wrong


def test_a_verdict_is_wrong_where_what_it_rests_on_is():
    better, open_ = (Finding("x", Estimate(1.0, low, 2.0, 9, 9.0, "any")) for low in (0.5, -0.5))
    ship = Verdict("ship", "")
    assert verdict_is_wrong(ship, [better, open_], [], [0.0, 1.0]).wrong
    assert not verdict_is_wrong(ship, [better, open_], [], [1.0, 0.0]).wrong
    assert not verdict_is_wrong(Verdict("keep running", ""), [better], [], [0.0]).shown
    assert verdict_is_wrong(Verdict("stop for harm", ""), [better], [], [1.0]).wrong


def test_sums_of_a_crowd_keep_every_decision_and_the_cap():
    law = Law(0.7, "lognormal", 1.0, 20.0, 30.0)
    design = Design("rows", 0, 0, (law, law), "none", (0.3, 0.7), 400, 7, People(1.5, 40, 0.5), revisions=2)
    seen = crowd(design, np.random.default_rng(3))
    sums = Rollups.of(design, seen)
    assert sums.totals[:, -1].sum() == pytest.approx(seen.value.sum())
    assert sums.rounds[:, -1].sum() == len(seen.person) == sums.sizes[:, -1].sum()
    by_person = np.bincount(seen.person * 2 + seen.revision, seen.value)
    assert by_person.max() <= 30.0 + 1e-9
    strata = sums.strata(sums.totals, 1, 7)
    assert strata.sum() == pytest.approx(seen.value[seen.group == 1].sum())
    pairs = np.unique(np.stack([seen.person, seen.group]), axis=1)
    assert sums.units[:, -1].sum() == pairs.shape[1]


def test_counts_of_a_life_are_added_by_claim():
    lives = [[Seen("a: x", True, True), Seen("b: y", False, True)], [Seen("a: x", True, False)]]
    assert counted(lives) == {"a: x": Count(2, 2, 1), "b: y": Count(1, 0, 0)}


def _false(rate):
    def life(_design, rng):
        yield Seen("verdict: planted", True, bool(rng.random() < rate))

    return Family(FAMILIES["rows"].draw, life)


@pytest.mark.parametrize(("rate", "refuted"), [(0.05, False), (0.12, True)])
def test_a_planted_error_is_refuted_and_a_true_claim_is_not(monkeypatch, rate, refuted):
    monkeypatch.setitem(FAMILIES, "rows", _false(rate))
    found = run(12, 5, Effort(100, 2000, 4), "rows")
    assert any(design is not None for _, design, _ in found.failures()) == refuted


def test_what_raises_is_a_wrong_answer(monkeypatch, capsys):
    def life(_design, _rng):
        raise ZeroDivisionError
        yield

    monkeypatch.setitem(FAMILIES, "rows", Family(FAMILIES["rows"].draw, life))
    (one,) = lived([design_of("rows", 3, 4)], SCREENING, Effort(5))
    assert one.counts["answer: given"] == Count(5, 5, 5)
    assert "--seed 4 --family rows --design 3" in capsys.readouterr().err
    assert worst_of([one], 20) == [one.design]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_design_and_its_lives_are_the_same_again(family):
    design = design_of(family, 2, 9)
    assert design == design_of(family, 2, 9) == designs_of(3, 9, family)[2]
    once, again = (list(FAMILIES[family].life(design, luck(family, 2, 9, 1, 0))) for _ in range(2))
    assert once == again


def test_designs_reach_every_policy_and_every_tail():
    drawn = designs_of(150, 1, "arms")
    assert {design.policy for design in drawn} == set(LEARNED)
    laws = {design.laws[0].tail for design in designs_of(60, 1, "rows")}
    assert laws == {"share", "lognormal", "pareto"}


def test_a_few_designs_refute_nothing():
    found = run(len(FAMILIES), 1, Effort(8, 16, 2))
    assert list(found.failures()) == []


def test_the_command_ends_with_a_summary_and_tells_by_its_status(monkeypatch, capsys):
    arguments = ["--seed", "3", "--family", "segments", "--designs", "2", "--screen", "8", "--lives", "8"]
    monkeypatch.setattr(sys, "argv", ["claims", *arguments])
    status = main()
    assert capsys.readouterr().out.splitlines()[-1].startswith("2 designs")
    monkeypatch.setattr(sys, "argv", ["claims", *arguments, "--json"])
    assert main() == status
    document = json.loads(capsys.readouterr().out)
    assert status == int(bool(document["refuted"]))


@pytest.mark.proof
@pytest.mark.timeout(7200)
def test_300_designs_refute_nothing():
    command = [sys.executable, "-m", "benchmarks.claims", "--designs", "300", "--seed", "10", "--jobs", "2"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout[-8000:]
