"""Money of a live experiment: what the rows add up to, and null with a reason where there is no number."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offline_eval.ab.bucketed_methods import METHODS
from tests.examples import few
from tests.experiments.readout.conftest import Campaign, lifted

Make = Callable[..., Any]
seeds = st.integers(0, 10**6)


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
    assert found["unbounded"] and found["lower"] is None and not found["not_computed"]
    assert found["note"].startswith("unbounded")


@pytest.mark.parametrize("n", [100, 4000])
def test_no_cost_of_users_who_were_lost(campaign: Make, people: Make, n: int) -> None:
    """A ratio over a loss is no price of anything: null, and why, whether the loss is certain or not."""
    found = lifted(campaign, people, (0.1, 0.2), n).readout()["money"]["treated"]["cost_per_incremental"]
    assert found["value"] is None and found["lower"] is None and found["upper"] is None
    assert found["not_computed"] and not found["unbounded"]
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


AMOUNTS = ("revenue", "reward_cost", "contact_cost", "net_value", "reengagement")


def beyond(made: Campaign, metric: str, revisions: Iterable[int]) -> float:
    """Σ over revisions of the treated decisions times the difference of means, from the raw rounds."""
    pairs = [[made.values(variant, metric, number) for variant in ("treated", "holdout")] for number in revisions]
    return sum(len(ours) * (ours.mean() - theirs.mean()) for ours, theirs in pairs)


@few(5)
@given(st.lists(st.tuples(st.floats(0.1, 0.9), st.floats(0.05, 0.6)), min_size=1, max_size=4), st.booleans(), seeds)
@example([(0.2, 0.2), (0.3, 0.5)], False, 1)
def test_one_account_whatever_the_shares_were(
    campaign: Make, people: Make, revisions: list[tuple[float, float]], uncontrolled: bool, seed: int
) -> None:
    """Law: after any changes of shares every number of the card is what the raw rounds add up to, to the cent."""
    made, rng = campaign(), np.random.default_rng(seed)
    for place, (share, rate) in enumerate(revisions):
        if place:
            made.revise(treated=share, holdout=1 - share)
        n = round(1500 * share)
        made.enrol("treated", "bogo-5", people(rng, n, min(1.2 * rate, 1.0), cost=1.0 + place))
        if not (uncontrolled and place == 1):
            made.enrol("holdout", "nothing", people(rng, 1500 - n, rate))
    money = made.readout()["money"]["treated"]
    left_out = {2} if uncontrolled and len(revisions) > 1 else set()
    shared = set(range(1, len(revisions) + 1)) - left_out
    assert money["compared"] == {
        "decisions": sum(len(made.values("treated", "revenue", number)) for number in shared),
        "left_out": {str(number): len(made.values("treated", "revenue", number)) for number in left_out},
    }
    for name in AMOUNTS[:-1]:
        assert money[name] == pytest.approx(made.values("treated", name).sum(), abs=1e-6)
    assert money["roi"]["value"] == pytest.approx(money["net_value"] / (money["reward_cost"] + money["contact_cost"]))
    added = {name: money["incremental"][name]["value"] for name in AMOUNTS}
    for name in AMOUNTS:
        assert added[name] == pytest.approx(beyond(made, name, shared), abs=1e-6)
    cost = added["reward_cost"] + added["contact_cost"]
    assert cost == pytest.approx(
        sum(made.values("treated", "reward_cost", number).sum() for number in shared)
        + sum(made.values("treated", "contact_cost", number).sum() for number in shared),
        abs=1e-6,
    )
    assert added["net_value"] == pytest.approx(0.5 * added["revenue"] - cost, abs=1e-6)
    for ratio, over, under in (
        ("incremental_roi", added["net_value"], cost),
        ("cost_per_incremental", cost, added["reengagement"]),
    ):
        if money[ratio]["value"] is not None:
            assert money[ratio]["value"] == pytest.approx(over / under)
        else:
            assert money[ratio]["note"]


def documented(heading: str) -> list[list[str]]:
    """The rows of the table in the documentation that begins with this heading."""
    text = (Path(__file__).parents[3] / "docs" / "readout.md").read_text()
    lines = text[text.index(f"| {heading} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def spread(re_engaged: int, decisions: int, amounts: tuple[float, float, float]) -> list[dict[str, float]]:
    """Decisions that add up to these amounts."""
    revenue, reward, contact = amounts
    each = {"reengagement": 1.0, "revenue": revenue / re_engaged, "reward_cost": reward / re_engaged}
    everyone = {"contact_cost": contact / decisions}
    found = [everyone | (each if place < re_engaged else {}) for place in range(decisions)]
    costs = [one["contact_cost"] + one.get("reward_cost", 0.0) for one in found]
    return [one | {"net_value": 0.5 * one.get("revenue", 0.0) - cost} for one, cost in zip(found, costs, strict=True)]


def test_the_documented_example(campaign: Make) -> None:
    made = campaign()
    for revision, variant, decisions, re_engaged, *amounts in documented("revision"):
        if int(revision) > made.revision:
            made.revise(treated=0.3, holdout=0.7)
        revenue, reward, contact = map(float, amounts)
        arm = "bogo-5" if variant == "treated" else "nothing"
        made.enrol(variant, arm, spread(int(re_engaged), int(decisions), (revenue, reward, contact)))
    money = made.readout()["money"]["treated"]
    added = {name: each["value"] for name, each in money["incremental"].items()}
    shown = {
        "net value": money["net_value"],
        "ROI": money["roi"]["value"],
        "incremental re-engagements": added["reengagement"],
        "incremental revenue": added["revenue"],
        "incremental cost": added["reward_cost"] + added["contact_cost"],
        "incremental net value": added["net_value"],
        "incremental ROI": money["incremental_roi"]["value"],
        "cost per incremental re-engagement": money["cost_per_incremental"]["value"],
    }
    for name, value, _ in documented("number"):
        assert shown[name] == pytest.approx(float(value), abs=0.5 * 10.0 ** -len(value.partition(".")[2])), name
    assert made.readout()["variants"]["treated"]["metrics"]["roi"]["value"] == money["roi"]["value"]


def lacks(estimate: dict[str, Any]) -> bool:
    return None in (estimate["value"], estimate["lower"], estimate["upper"])
