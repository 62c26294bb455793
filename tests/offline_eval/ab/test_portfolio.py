"""The portfolio's maths: coverage at every look, and laws of its sums."""

import numpy as np
import pytest
from scipy.stats import binom

from offline_eval.ab.bucketed import Bucketed
from offline_eval.ab.portfolio import Portfolio

FIELDS = ("totals", "sizes", "weights", "rounds", "units")

LOOKS = 12
UNITS = (9_000, 1_500)


def side(units: np.ndarray, **totals: np.ndarray) -> dict[str, Bucketed]:
    """One stratum; `units` and totals have shape (256,)."""
    n = int(units.sum())
    weights = np.array([1.0])
    known = {"reward_cost": 0 * units, "contact_cost": 0 * units, "revenue": 0 * units, "reengagement": 0 * units}
    return {
        name: Bucketed(each[None], units[None], weights, n, n, name == "reengagement")
        for name, each in (known | totals).items()
    }


def life(rng: np.random.Generator, rates: tuple[float, float]) -> list[tuple[dict, dict]]:
    """Both sides after each of LOOKS equal waves of units; heavy-tailed revenue of who came back."""
    sides = []
    for n, rate, cost in zip(UNITS, rates, (0.3, 0.0), strict=True):
        bucket, wave = rng.integers(0, 256, n), rng.integers(0, LOOKS, n)
        back = rng.random(n) < rate
        spent = np.where(back, rng.lognormal(2, 1, n), 0.0)
        seen = []
        for look in range(LOOKS):
            here = wave <= look
            sums = [np.bincount(bucket[here], each[here], 256) for each in (np.ones(n), back, spent, np.full(n, cost))]
            seen.append(side(sums[0], reengagement=sums[1], revenue=sums[2], contact_cost=sums[3]))
        sides.append(seen)
    return list(zip(*sides, strict=True))


@pytest.mark.parametrize("lives", [30, pytest.param(400, marks=pytest.mark.proof)])
@pytest.mark.parametrize("rates", [(0.12, 0.12), (0.16, 0.12)])
def test_every_look_covers_the_truth(rates: tuple[float, float], lives: int) -> None:
    rng = np.random.default_rng(8)
    spent = float(np.exp(2.5))
    truths = {"reengagement": rates[0] - rates[1], "net_value": (rates[0] - rates[1]) * spent * 0.5 - 0.3}
    missed = dict.fromkeys(truths, 0)
    for _ in range(lives):
        looks = life(rng, rates)
        for name, truth in truths.items():
            bounds = [Portfolio(*sides, margin=0.5).gains()[name].per_unit.absolute for sides in looks]
            missed[name] += any(b.lower is not None and not b.lower <= truth <= b.upper for b in bounds)
    for count in missed.values():
        # More misses than 5 % makes likely at all: the claim would be false.
        assert binom.sf(count - 1, lives, 0.05) > 0.001, missed
    print(f"rates {rates}: lives in which a look missed, of {lives}: {missed}")


def test_totals_are_per_unit_times_the_reached_and_ratios_follow_from_them() -> None:
    reached, held = life(np.random.default_rng(1), (0.2, 0.1))[-1]
    made = Portfolio(reached, held, margin=0.5)
    gains = made.gains()
    for gain in gains.values():
        if gain.per_unit.absolute.value is not None:
            assert gain.total.value == pytest.approx(gain.per_unit.absolute.value * UNITS[0])
    value = {name: gain.total.value for name, gain in gains.items()}
    assert value["net_value"] == pytest.approx(0.5 * value["revenue"] - value["cost"])
    assert made.incremental_roi()["value"] == pytest.approx(value["net_value"] / value["cost"])
    ratio = made.cost_per_incremental()
    assert ratio["value"] == pytest.approx(value["cost"] / value["reengagement"])
    assert ratio["lower"] < ratio["value"] < ratio["upper"]


def test_nobody_came_back_more_often_is_unbounded_and_an_empty_side_says_nothing() -> None:
    reached, held = life(np.random.default_rng(2), (0.1, 0.1))[-1]
    assert Portfolio(reached, held, 1.0).cost_per_incremental()["note"].startswith("unbounded")
    empty = side(np.zeros(256))
    gain = Portfolio(reached, empty, 1.0).gains()["revenue"].as_dict()
    assert gain["total"]["lower"] is None and gain["total"]["note"]
    assert Portfolio(empty, empty, 1.0).incremental_roi()["value"] is None


def test_no_cost_of_units_that_were_lost() -> None:
    ratio = Portfolio(*life(np.random.default_rng(3), (0.1, 0.3))[-1], 1.0).cost_per_incremental()
    assert ratio["value"] is None and ratio["lower"] is None and "lost" in ratio["note"]


def test_net_value_lies_within_what_its_parts_may_be() -> None:
    """Costs up to 3 and revenue up to 100 a unit leave no room beyond: bounds from the first look on."""
    rng = np.random.default_rng(9)
    sides = [{}, {}]
    known = {"reengagement": (0.0, 1.0), "revenue": (0.0, 100.0), "reward_cost": (0.0, 2.0), "contact_cost": (0.0, 1.0)}
    for side, n in zip(sides, (4000, 800), strict=True):
        bucket, value = rng.integers(0, 256, n), np.minimum(rng.pareto(1.5, n) * 10, 100.0)
        sizes = np.bincount(bucket, minlength=256)[None].astype(float)
        for metric, limits in known.items():
            totals = np.bincount(bucket, value * limits[1] / 100, 256)[None]
            side[metric] = Bucketed(totals, sizes, np.ones(1), n, n, False, None, limits)
    found = Portfolio(*sides, margin=0.5)
    gain = found.gains()["net_value"].per_unit.absolute
    assert gain.lower is not None
    assert -53 <= gain.lower < gain.value < gain.upper <= 53
    unlimited = [{**side, "revenue": Bucketed(*[getattr(side["revenue"], name) for name in FIELDS])} for side in sides]
    assert Portfolio(*unlimited, margin=0.5).gains()["net_value"].per_unit.absolute.lower is None
