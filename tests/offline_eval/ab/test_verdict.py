"""What is said, in which order of precedence, and A/A."""

import numpy as np
import pytest

from offline_eval.ab.aa import a_a, salted_uniform, wolf_cries
from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.verdict import Finding, share_of_alpha, undecided, verdict
from offline_eval.estimate import Estimate


def finding(lower: float | None, upper: float | None, **words) -> Finding:
    value = None if lower is None or upper is None else (lower + upper) / 2
    return Finding("lift", Estimate(value, lower, upper, 4000, 4000.0, "always_valid"), **words)


OK = CheckResult("sample_ratio", "ok", 0.5, "fine")
FAILED = CheckResult("sample_ratio", "failed", 1e-9, "48 % instead of 50 %")


@pytest.mark.parametrize(
    ("primary", "guardrail", "check", "word"),
    [
        (finding(0.01, 0.03), finding(-0.1, 0.1), OK, "ship"),
        (finding(0.01, 0.03), finding(-0.1, 0.1), FAILED, "don't trust"),
        (finding(0.01, 0.03), finding(-0.3, -0.1), OK, "stop for harm"),
        (finding(0.01, 0.03), finding(0.1, 0.3, higher_is_better=False), OK, "stop for harm"),
        (finding(0.01, 0.03), finding(-0.3, -0.1, worthwhile=0.2), OK, "ship"),
        (finding(-0.03, -0.01), finding(-0.1, 0.1), OK, "stop for harm"),
        (finding(-0.03, -0.01, higher_is_better=False), finding(-0.1, 0.1), OK, "ship"),
        (finding(-0.01, 0.01, worthwhile=0.02), finding(-0.1, 0.1), OK, "no difference worth having"),
        (finding(0.01, 0.03, worthwhile=0.05), finding(-0.1, 0.1), OK, "no difference worth having"),
        (finding(0.01, 0.03, worthwhile=0.02), finding(-0.1, 0.1), OK, "ship"),
        (finding(-0.03, -0.01, worthwhile=0.05), finding(-0.1, 0.1), OK, "no difference worth having"),
        (finding(-0.01, 0.03, worthwhile=0.02), finding(-0.1, 0.1), OK, "keep running"),
        (finding(None, None), finding(None, None), OK, "keep running"),
    ],
)
def test_word(primary, guardrail, check, word):
    found = verdict([primary], [guardrail], [check])
    assert found.word == word
    assert len(found.reason) > 10


def test_keep_running_says_until_about_when():
    found = verdict([finding(-0.002, 0.022)], per_day=500)
    assert found.word == "keep running"
    assert found.days_left is not None and 1 <= found.days_left < 100
    assert "days" in found.reason
    assert verdict([finding(-0.002, 0.022)], per_day=5000).days_left < found.days_left


def test_no_end_in_sight_is_said():
    found = verdict([finding(-0.0121, 0.012)], per_day=1)
    assert found.days_left is None
    assert "futility" in found.reason


def test_over_and_undecided_says_what_may_still_tell():
    found = undecided([finding(-0.002, 0.022)], per_day=500, still_open=812)
    assert found.word == "keep running" and found.days_left is None
    assert "812 open decisions" in found.reason and "days more would have told" in found.reason
    assert "days" not in undecided([finding(-0.0121, 0.012)], per_day=1).reason


def test_one_harmful_arm_does_not_hide_a_good_one():
    assert verdict([finding(-0.3, -0.1), finding(0.1, 0.3)]).word == "ship"


def test_alpha_is_shared():
    assert share_of_alpha(0.05, 3, 2) == pytest.approx(0.01)


def test_a_a_is_sound_for_a_sound_test_and_finds_an_unsound_one():
    rng = np.random.default_rng(1)
    columns = {"value": (rng.random(3000) < 0.2).astype(float), "x": rng.normal(size=3000)}
    unit = rng.integers(0, 2**63, 3000).astype(np.uint64)
    comparisons = [COMPARISONS[name]() for name in ("welch", "large_sample", "cuped", "always_valid")]
    found = a_a(columns, unit, comparisons, salts=200)
    assert all(cries.sound for cries in found.values())
    assert found["always_valid"].cries <= found["welch"].cries
    assert not wolf_cries(60, 200, 0.05).sound


def test_a_a_refuses_a_repeated_unit():
    with pytest.raises(ValueError, match="twice"):
        a_a({"value": np.ones(2)}, np.array([1, 1], dtype=np.uint64), [COMPARISONS["welch"]()], salts=1)


def test_salted_draws_are_uniform_and_unrelated_between_salts():
    unit = np.arange(20_000, dtype=np.uint64)
    one, other = salted_uniform(unit, 1), salted_uniform(unit, 2)
    assert np.histogram(one, 16, (0, 1))[0] == pytest.approx(np.full(16, 1250), rel=0.15)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_shares_are_told_in_points_and_relative_ones_in_per_cent():
    assert verdict([finding(0.01, 0.03, unit="points")]).reason.startswith("lift +2 points (+1 to +3): the whole")
    told = verdict([finding(-0.001, 0.001, unit="points", worthwhile=0.02)]).reason
    assert told.endswith("nothing beyond ±2 points is left")
    harm = verdict([finding(0.01, 0.03)], [finding(-0.3, -0.1, unit="%")]).reason
    assert harm == "guardrail breached: lift -20 % (-30 to -10)"
