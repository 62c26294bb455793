"""Diagnostics find what was planted, merge, and the verdict says it plainly."""

from dataclasses import replace

import numpy as np
import pytest

from offline_eval.estimate import Estimate
from offline_eval.intervals.known import Bounds
from offline_eval.ope.batch import Batch
from offline_eval.ope.diagnostics import Layout, tally
from offline_eval.ope.evaluate import known_of
from offline_eval.ope.findings import Findings, findings_of
from offline_eval.ope.gather import Plan, gather
from offline_eval.ope.verdict import Verdict, judge

UNIT = Bounds((0.0, 1.0))
LAYOUT = Layout(arms=4, segments=3, periods=4)
ROWS = 6000


def findings(batch: Batch, layout: Layout = LAYOUT) -> Findings:
    return findings_of(tally(batch, layout), gather(batch, Plan(("ips",))).weights)


def verdict(batch: Batch, bounds: Bounds = UNIT, headline: Estimate | None = None, estimated: bool = False) -> Verdict:
    statistics = gather(batch, Plan(("ips",)))
    return judge(findings(batch), known_of(statistics, bounds), headline, estimated)


def test_a_sound_log_is_trusted(make_log) -> None:
    found = findings(make_log(1, ROWS))
    assert found.mean_weight_p > 1e-3
    assert found.calibration_p > 1e-3
    assert found.unsupported_share == 0.0
    assert verdict(make_log(1, ROWS)).word == "trust"


@pytest.mark.parametrize("without", [(), ("logged",), ("logged", "target"), ("segment", "period")])
def test_tallies_merge(make_log, without: tuple[str, ...]) -> None:
    batch = replace(make_log(2, ROWS), **dict.fromkeys(without))
    merged = tally(batch.rows(0, 1234), LAYOUT) + tally(batch.rows(1234, ROWS), LAYOUT)
    weights = gather(batch, Plan(("ips",))).weights
    one, two = (findings_of(part, weights).as_dict() for part in (merged, tally(batch, LAYOUT)))
    for name, value in one.items():
        assert value == two[name] or value == pytest.approx(two[name], rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("pmf_logged", [True, False])
def test_wrong_propensities_are_found(make_log, pmf_logged: bool) -> None:
    batch = make_log(3, ROWS)
    tilted = batch.logged * np.array([2.0, 1.0, 1.0, 0.5])
    tilted /= tilted.sum(axis=1, keepdims=True)
    wrong = replace(batch, propensity=tilted[np.arange(ROWS), batch.action], logged=tilted if pmf_logged else None)
    assert findings(wrong).calibration_p < 1e-6
    assert verdict(wrong).word != "trust"


def only_where_eligible(batch: Batch) -> Batch:
    """The same rows with an arm drawn evenly from those eligible: the last one in a third of the rows, `fixed:3`."""
    eligible = np.ones((len(batch), 4), dtype=bool)
    eligible[::3, 1], eligible[np.arange(len(batch)) % 3 != 0, 3] = False, False
    pmf = eligible / eligible.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(15)
    action = (pmf.cumsum(axis=1) < rng.random((len(batch), 1))).sum(axis=1)
    wanted = np.where(eligible[:, 3], 3, 0)
    columns = {name: getattr(batch, name) for name in ("segment", "period")}
    chance = pmf[np.arange(len(batch)), action]
    return Batch.of(action, chance, batch.reward, np.eye(4)[wanted], eligible=eligible, **columns)


def test_rows_in_which_an_arm_was_not_eligible_say_nothing_of_its_calibration(make_log) -> None:
    batch = only_where_eligible(make_log(15, ROWS))
    found = findings(batch)
    assert found.calibration_p > 1e-3
    assert found.arm_calibration == pytest.approx([1.0] * 4, abs=0.15)
    assert verdict(batch).word == "trust"
    wrong = replace(batch, propensity=np.where(batch.action == 3, 0.5, 1.3) * batch.propensity)
    assert findings(wrong).calibration_p < 1e-6
    untold = verdict(replace(batch, eligible=None))
    assert untold.word == "unusable" and "could not always be drawn" in untold.reason


def test_arms_that_were_never_logged_are_named(make_log) -> None:
    batch = make_log(4, ROWS)
    kept = batch.rows(0, ROWS)
    never = np.flatnonzero(kept.action != 3)
    columns = ("action", "propensity", "reward", "target_chosen", "target", "segment", "period")
    part = Batch(**{name: getattr(batch, name)[never] for name in columns})
    found = findings(part)
    assert found.unsupported_arms == (3,)
    assert found.unsupported_share == pytest.approx(part.target[:, 3].mean(), rel=1e-9)
    assert verdict(part).word == "unusable"
    assert "never tried" in verdict(part).reason


def test_segments_without_support_are_named(make_log) -> None:
    batch = make_log(5, ROWS)
    kept = np.flatnonzero((batch.segment != 1) | (batch.action == 0))
    columns = ("action", "propensity", "reward", "target_chosen", "target", "segment", "period")
    assert findings(Batch(**{name: getattr(batch, name)[kept] for name in columns})).unsupported_segments == (1,)


def test_drift_of_rewards_is_found(make_log) -> None:
    batch = make_log(6, ROWS)
    drifting = replace(batch, reward=batch.reward * (1.0 - 0.2 * batch.period))
    assert findings(batch).reward_drift_p > 1e-3
    assert findings(drifting).reward_drift_p < 1e-6
    assert "over the time of the log" in verdict(drifting).reason


def test_drift_of_arms_is_found(make_log) -> None:
    batch = make_log(7, ROWS)
    assert findings(batch).arm_drift_p > 1e-3
    order = np.argsort(batch.action, kind="stable")
    assert findings(replace(batch, action=batch.action[order])).arm_drift_p < 1e-6


def test_no_support_is_unusable(make_log) -> None:
    batch = make_log(8, ROWS)
    found = verdict(batch.seen_from(np.eye(4)[(batch.action + 1) % 4]))
    assert found.word == "unusable"
    assert "never did what this policy would do" in found.reason


def test_unbounded_rewards_with_few_rows_are_unusable_and_say_why(make_log) -> None:
    found = verdict(make_log(9, 400), Bounds())
    assert found.word == "unusable"
    assert any("no known limit" in reason for reason in found.reasons)


def test_a_tail_that_decides_the_mean_is_said_to(make_log) -> None:
    batch = make_log(9, ROWS)
    found = verdict(replace(batch, reward=np.where(np.arange(ROWS) == 3, 150.0, batch.reward)), Bounds())
    assert found.word == "unusable"
    assert "few large ones make up so much of the result" in found.reason


def test_an_interval_that_is_not_shown_is_not_spoken_of(make_log) -> None:
    hidden = Estimate(0.4, None, None, ROWS, 900.0, "snips+trivial")
    for bounds in (Bounds(), UNIT):
        for reason in verdict(make_log(9, ROWS), bounds, hidden).reasons:
            assert "wider than the value" not in reason and "the interval holds" not in reason


def test_estimated_propensities_are_at_most_caution(make_log) -> None:
    found = verdict(make_log(10, ROWS), estimated=True)
    assert found.word == "caution"
    assert "guessed" in found.reason


def test_an_interval_wider_than_its_value_is_a_doubt(make_log) -> None:
    wide = Estimate(0.004, 0.001, 0.009, ROWS, 900.0, "snips+empirical_likelihood")
    assert verdict(make_log(11, ROWS), headline=wide).word == "caution"


def test_a_dominating_row_is_a_doubt(make_log) -> None:
    batch = make_log(12, ROWS)
    heavy = replace(batch, propensity=np.where(np.arange(ROWS) == 5, 1e-3, batch.propensity))
    assert any("One row alone" in reason for reason in verdict(heavy).reasons)


def test_every_reason_is_a_sentence(make_log) -> None:
    batch = make_log(13, 60)
    for found in (verdict(batch, Bounds(), estimated=True), verdict(make_log(14, ROWS))):
        for reason in found.reasons:
            assert reason[0].isupper() or reason[0].isdigit()
            assert reason.endswith(".")
            assert len(reason) < 250
