"""Money of a live experiment: what the rows add up to, and null with a reason where there is no number."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from offline_eval.ab.bucketed_methods import METHODS
from tests.experiments.readout.conftest import lifted

Make = Callable[..., Any]


def test_money_is_what_the_rows_add_up_to(campaign: Make, people: Make) -> None:
    made = lifted(campaign, people, (0.3, 0.2), 4000)
    money = made.readout()["money"]["treated"]
    sums = {name: made.values("treated", name).sum() for name in ("revenue", "reward_cost", "contact_cost")}
    for name, total in sums.items():
        assert money[name] == pytest.approx(total)
    costs = sums["reward_cost"] + sums["contact_cost"]
    assert money["margin_revenue"] == pytest.approx(0.5 * sums["revenue"])
    assert money["roi"]["value"] == pytest.approx(money["net_value"] / costs)
    back = [made.values(variant, "reengagement").mean() for variant in ("treated", "holdout")]
    each = costs / 4000 / (back[0] - back[1])
    assert money["cost_per_incremental"]["value"] == pytest.approx(each)
    assert money["cost_per_incremental"]["lower"] < each < money["cost_per_incremental"]["upper"]
    assert money["incremental"]["reengagement"]["value"] == pytest.approx(4000 * (back[0] - back[1]))


def test_a_cost_per_nothing_is_unbounded_and_says_so(campaign: Make, people: Make) -> None:
    found = lifted(campaign, people, (0.2, 0.2), 4000).readout()["money"]["treated"]["cost_per_incremental"]
    assert found["unbounded"] and found["lower"] is None
    assert "unbounded" in found["note"]


@pytest.mark.parametrize("n", [100, 4000])
def test_no_cost_of_users_who_were_lost(campaign: Make, people: Make, n: int) -> None:
    """A ratio over a loss is no price of anything: null, and why, whether the loss is certain or not."""
    found = lifted(campaign, people, (0.1, 0.2), n).readout()["money"]["treated"]["cost_per_incremental"]
    assert found["value"] is None and found["lower"] is None and found["upper"] is None
    assert found["unbounded"]
    assert ("lost" if n == 4000 else "fewer than 50") in found["note"]


def test_no_return_on_money_that_was_saved(campaign: Make, people: Make) -> None:
    made, rng = campaign(), np.random.default_rng(8)
    made.enrol("treated", "bogo-5", people(rng, 4000, 0.2))
    made.enrol("holdout", "sale", people(rng, 4000, 0.1, cost=2.0))
    money = made.readout()["money"]["treated"]
    assert money["incremental_roi"]["value"] is None and "cost less" in money["incremental_roi"]["note"]
    price = money["cost_per_incremental"]
    assert price["upper"] < 0 and not price["unbounded"], "who came back on top saved money"


@pytest.mark.parametrize("n", [0, 3, 60, 3000])
@pytest.mark.parametrize("rates", [(0.3, 0.2), (0.2, 0.0), (0.0, 0.0)])
def test_a_bound_of_null_says_why(campaign: Make, people: Make, n: int, rates: tuple[float, float]) -> None:
    """Law: whatever is asked, a contrast or an amount without a bound has a note."""
    made = lifted(campaign, people, rates, n)
    for method in METHODS:
        found = made.readout(method=method)
        money = found["money"]["treated"]
        shown = [money["incremental_roi"], money["cost_per_incremental"], *money["incremental"].values()]
        silent = [one for one in shown if lacks(one) and not one["note"]]
        versus = found["variants"]["treated"]["versus"]["holdout"].values()
        silent += [one for one in versus if (lacks(one["absolute"]) or lacks(one["relative"])) and "note" not in one]
        assert silent == [], method


def lacks(estimate: dict[str, Any]) -> bool:
    return None in (estimate["value"], estimate["lower"], estimate["upper"])
