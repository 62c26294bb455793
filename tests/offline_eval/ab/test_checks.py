"""One suite for everything in CHECKS, and the e-values' promises."""

import numpy as np
import pytest
from scipy.stats import binom

from offline_eval.ab.adaptive import Rounds
from offline_eval.ab.checks import CHECKS
from offline_eval.ab.checks.adaptive_ratio import AdaptiveRatio, Draws
from offline_eval.ab.checks.day_of_week import DayOfWeek
from offline_eval.ab.checks.draw_independence import DrawIndependence
from offline_eval.ab.checks.exposure import Exposure
from offline_eval.ab.checks.novelty import Novelty
from offline_eval.ab.checks.outcome_lag import OutcomeLag
from offline_eval.ab.checks.propensity_calibration import PropensityCalibration
from offline_eval.ab.checks.sample_ratio import Enrolment, SampleRatio
from offline_eval.ab.checks.void_rates import VoidRates
from offline_eval.ab.evidence import average, homogeneity, martingale, multinomial, p_value_of
from offline_eval.ab.sample import Sample

SHARES = {"bandit": 0.8, "holdout": 0.2}


def rounds(seed: int, n: int = 6000, bias: float = 0.0) -> Rounds:
    rng = np.random.default_rng(seed)
    logged = rng.dirichlet([1, 1, 1], n)
    drawn_with = np.clip(logged + np.array([bias, -bias, 0]), 0.001, 1)
    drawn_with /= drawn_with.sum(axis=1, keepdims=True)
    arm = (rng.random(n)[:, None] > drawn_with.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    return Rounds(np.zeros(n, int), arm, logged, np.ones(n), np.zeros(n, int))


def days(seed: int, slope: float = 0.0, weekend: float = 0.0) -> dict[int, tuple[Sample, Sample]]:
    rng = np.random.default_rng(seed)
    table = {}
    for day in range(28):
        lift = 0.05 + slope * day + weekend * (day % 7 >= 5)
        table[day] = (
            Sample.of_counts(int(rng.binomial(800, 0.2 + lift)), 800),
            Sample.of_counts(int(rng.binomial(800, 0.2)), 800),
        )
    return table


def enrolled(seed: int, share: float = 0.8) -> SampleRatio:
    bandit = int(np.random.default_rng(seed).binomial(50_000, share))
    return SampleRatio({1: Enrolment({"bandit": bandit, "holdout": 50_000 - bandit}, SHARES)})


def spread(seed: int, shares: list[float]) -> tuple[int, ...]:
    return tuple(int(c) for c in np.random.default_rng(seed).multinomial(4000, shares))


def cells(seed: int, bias: float = 0.0) -> AdaptiveRatio:
    return AdaptiveRatio.of(("a", "b", "c"), rounds(seed, bias=bias))


def calibration(seed: int, power: float = 1.0) -> PropensityCalibration:
    drawn = rounds(seed)
    logged = drawn.pmf**power
    return PropensityCalibration.of(logged / logged.sum(axis=1, keepdims=True), drawn.arm)


def draws(seed: int, power: float = 1.0) -> DrawIndependence:
    rng = np.random.default_rng(seed)
    return DrawIndependence.of({"bandit": rng.random(5000) ** power, "holdout": rng.random(1000)})


LAGS = [0.7, 0.2, 0.08, 0.02]
SOUND = {
    "sample_ratio": enrolled,
    "adaptive_ratio": cells,
    "propensity_calibration": calibration,
    "draw_independence": draws,
    "void_rates": lambda s: VoidRates({"a": spread(s, [0.05, 0.95]), "b": spread(s + 1, [0.05, 0.95])}),
    "exposure": lambda s: Exposure({"a": spread(s, [0.5, 0.5]), "b": spread(s + 1, [0.5, 0.5])}),
    "outcome_lag": lambda s: OutcomeLag({"w1": spread(s, LAGS), "w2": spread(s + 1, LAGS)}),
    "novelty": lambda s: Novelty(days(s)),
    "day_of_week": lambda s: DayOfWeek(days(s)),
}
BROKEN = {
    "sample_ratio": lambda s: enrolled(s, 0.79),
    "adaptive_ratio": lambda s: cells(s, 0.05),
    "propensity_calibration": lambda s: calibration(s, 1.3),
    "draw_independence": lambda s: draws(s, 1.2),
    "void_rates": lambda s: VoidRates({"a": spread(s, [0.05, 0.95]), "b": spread(s, [0.09, 0.91])}),
    "exposure": lambda s: Exposure({"a": spread(s, [0.5, 0.5]), "b": spread(s, [0.6, 0.4])}),
    "outcome_lag": lambda s: OutcomeLag({"w1": spread(s, LAGS), "w2": spread(s, [0.6, 0.2, 0.1, 0.1])}),
    "novelty": lambda s: Novelty(days(s, slope=-0.005)),
    "day_of_week": lambda s: DayOfWeek(days(s, weekend=0.1)),
}
EVERY = pytest.mark.parametrize("name", CHECKS)


def test_every_check_is_tried():
    assert CHECKS.keys() == SOUND.keys() == BROKEN.keys()


@EVERY
def test_named_as_its_key_with_a_claim(name):
    assert CHECKS[name].name == name
    assert len(CHECKS[name].claims) > 20


@EVERY
def test_sound_data_pass(name):
    assert [SOUND[name](seed).result().status for seed in range(5)] == ["ok"] * 5


@EVERY
def test_broken_data_are_found(name):
    result = BROKEN[name](1).result()
    assert result.status == ("failed" if CHECKS[name].blocking else "warning")
    assert result.p_value <= 0.001
    assert len(result.detail) > 10


@EVERY
def test_parts_add_up(name):
    merged = (SOUND[name](1) + BROKEN[name](2)).result()
    swapped = (BROKEN[name](2) + SOUND[name](1)).result()
    assert merged.p_value == pytest.approx(swapped.p_value, rel=1e-9)


@EVERY
def test_json_form_is_the_contracts(name):
    assert SOUND[name](1).result().as_dict().keys() == {"name", "status", "p_value", "detail"}


EMPTY = [
    *(SampleRatio({}), AdaptiveRatio({}), PropensityCalibration({}), DrawIndependence({}), VoidRates({})),
    *(Exposure({}), OutcomeLag({}), Novelty({}), DayOfWeek({})),
]


@pytest.mark.parametrize("check", EMPTY, ids=lambda check: check.name)
def test_nothing_seen_is_no_pass(check):
    assert check.result().status == "too_few"
    assert check.result().p_value is None


ONE = [
    SampleRatio({1: Enrolment({"bandit": 1}, SHARES)}),
    AdaptiveRatio({"a": Draws(1.0, 0.5, 0.25), "b": Draws(0.0, 0.5, 0.25)}),
    PropensityCalibration({0.5: Draws(1.0, 1.0, 0.5)}),
    DrawIndependence.of({"bandit": [0.3]}),
    *(check({"a": (0, 1), "b": (0, 1)}) for check in (VoidRates, Exposure, OutcomeLag)),
]


@pytest.mark.parametrize("check", ONE, ids=lambda check: check.name)
def test_one_unit_is_no_pass(check):
    """Law: what could not have failed has not passed."""
    assert check.result().status == "too_few"
    assert "would not show" in check.result().detail


@pytest.mark.parametrize("scarce", [0.5, 0.2, 0.05])
def test_a_check_passes_from_where_a_missing_variant_would_have_failed(scarce):
    shares = {"bandit": 1 - scarce, "holdout": scarce}

    def status(units: int, held_out: int) -> str:
        return SampleRatio({1: Enrolment({"bandit": units - held_out, "holdout": held_out}, shares)}).result().status

    first = next(units for units in range(1, 5000) if status(units, round(scarce * units)) == "ok")
    assert status(first, 0) == "failed"
    assert status(first - 2, 0) != "failed"


def test_units_in_a_variant_without_share_fail():
    assert SampleRatio({1: Enrolment({"ghost": 3, "bandit": 5}, SHARES)}).result().status == "failed"


def test_a_parts_sum_of_calibration_equals_the_whole():
    drawn = rounds(3)
    halves = [PropensityCalibration.of(drawn.pmf[cut], drawn.arm[cut]) for cut in (slice(0, 999), slice(999, None))]
    whole = PropensityCalibration.of(drawn.pmf, drawn.arm)
    assert (halves[0] + halves[1]).result().p_value == pytest.approx(whole.result().p_value, rel=1e-9)


def lifetime_alarms(statistic, runs: int, alpha: float) -> int:
    """How many of `runs` lives ever reach evidence 1/alpha."""
    return sum(p_value_of(max(statistic(np.random.default_rng([seed, 8])))) <= alpha for seed in range(runs))


def ratio_life(rng: np.random.Generator) -> list[float]:
    counts = np.cumsum(rng.multinomial(50, [0.5, 0.3, 0.2], size=60), axis=0)
    return [multinomial(row, [0.5, 0.3, 0.2], concentration=20) for row in counts]


def martingale_life(rng: np.random.Generator) -> list[float]:
    p = rng.beta(0.5, 2, 3000)
    drift, variance = np.cumsum((rng.random(3000) < p) - p), np.cumsum(p * (1 - p))
    return [martingale(drift[i], variance[i]) for i in range(20, 3000, 50)]


def table_life(rng: np.random.Generator) -> list[float]:
    rows = np.cumsum(rng.multinomial(30, [0.1, 0.9], size=(60, 3)), axis=0)
    return [homogeneity(table) for table in rows]


@pytest.mark.parametrize("life", [ratio_life, martingale_life, table_life])
def test_evidence_is_anytime_valid(life):
    alarms = lifetime_alarms(life, 400, 0.05)
    assert binom.sf(alarms - 1, 400, 0.05) > 0.001


def test_average_of_nothing_is_no_evidence():
    assert average([]) == 0.0
    assert p_value_of(-3.0) == 1.0
