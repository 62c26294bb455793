"""What is known of a column counts for all of its parts: whether it is 0/1, and between which numbers it lies."""

import json

import numpy as np
import pytest

from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.limits import UNLIMITED
from offline_eval.ab.logged import readout
from offline_eval.ab.means import mean_of
from offline_eval.ab.money import money
from offline_eval.ab.sample import Sample
from tests.offline_eval.ab.made_logs import log_of

ZEROS = Sample.of(np.zeros(100))


def test_amounts_that_are_all_zero_so_far_are_no_shares():
    found = mean_of(ZEROS.within((0.0, 363.0)))
    assert found.method == "mean" and found.lower == 0.0
    assert 3 * 363 / 100 < found.upper < 363
    assert mean_of(ZEROS.with_share(False)).upper is None
    assert mean_of(ZEROS).upper < 0.05


@pytest.mark.parametrize("name", ["bayes", "always_valid"])
def test_one_group_alone_does_not_make_a_metric_a_share(name):
    rng = np.random.default_rng(1)
    other = Sample.of(np.exp(2 * rng.normal(size=400)))
    mine, told = (COMPARISONS[name]().compare(sample, other) for sample in (ZEROS, ZEROS.with_share(False)))
    assert mine == told


@pytest.mark.parametrize("name", ["welch", "always_valid"])
def test_groups_that_do_not_vary_have_bounds_within_their_limits(name):
    found = COMPARISONS[name]().compare(ZEROS.within((0.0, 50.0)), ZEROS.within((0.0, 50.0)))
    assert -50 <= found.absolute.lower < -1 and 1 < found.absolute.upper <= 50
    assert found.p_value == 1.0 and found.note == "relative lift not computed: the control's mean is 0"
    two = Sample.of(np.zeros(2)).within((0.0, 50.0))
    assert COMPARISONS[name]().compare(two, two).absolute.upper == 50.0


def counted(seed, n=4000, rate=0.01):
    """Arms alike, a metric of 0 to 9; few rows have any."""
    rng = np.random.default_rng(seed)
    some = rng.random(n) < rate
    arm = rng.choice(["none", "gift"], n)
    return {"arm": arm, "back": np.where(some, rng.integers(1, 10, n), 0), "spend": np.zeros(n)}


def test_a_stated_range_is_used_where_means_are_plain(tmp_path):
    columns = counted(2)
    stated = readout(log_of(tmp_path, columns, objective={"range": [0, 9]}))["arms"]["gift"]
    bare = readout(log_of(tmp_path, columns))["arms"]["gift"]
    for found in (stated["lift"]["reengagement"]["absolute"], stated["metrics"]["reengagement"]):
        assert found["lower"] is not None and -9 <= found["lower"] < found["upper"] <= 9
    assert stated["metrics"]["reengagement"]["lower"] >= 0
    assert bare["lift"]["reengagement"]["absolute"]["lower"] is None
    assert "too few" in bare["lift"]["reengagement"]["note"]


def test_skewed_amounts_are_read_alike_whether_weighted_or_not(tmp_path):
    rng, n = np.random.default_rng(3), 18_000
    spend = np.where(rng.random(n) < 0.3, np.exp(1.2 * rng.normal(size=n)), 0.0)
    columns = {"arm": rng.choice(["none", "gift"], n, p=[0.8, 0.2]), "back": spend > 0, "spend": spend, "p": 1.0}
    columns["kind"] = rng.choice(["a", "b"], n)
    spec = {"objective": {"maximise": "revenue"}, "segments": {"by": ["kind"]}}
    plain = readout(log_of(tmp_path, columns, **spec))
    weighted = readout(log_of(tmp_path, columns | {"p": 0.5}, log={"propensity": {"column": "p"}}, **spec))
    for document in (plain, weighted):
        json.dumps(document, allow_nan=False)
    one, other = (document["arms"]["gift"]["lift"]["revenue"] for document in (plain, weighted))
    assert one["absolute"]["method"] == "hajek"
    for bound in ("value", "lower", "upper"):
        assert one["absolute"][bound] == pytest.approx(other["absolute"][bound], rel=1e-9)
        part, whole = (d["segments"]["kind"]["lift"]["a"]["gift"]["absolute"][bound] for d in (plain, weighted))
        assert part == pytest.approx(whole, rel=1e-9)


def account(seed, n, rate, cost, skew=1.0):
    rng = np.random.default_rng(seed)
    back = (rng.random(n) < rate).astype(float)
    spent = np.minimum(back * np.exp(skew * rng.normal(size=n)), 40.0)
    return Sample.of(spent, False, reward_cost=cost * back, contact_cost=np.full(n, cost / 10), reengagement=back)


def test_net_value_is_within_what_revenue_and_costs_can_be():
    pair = [account(4, 800, 0.05, 2.0, 2.0), account(5, 300, 0.05, 0.0, 2.0)]
    bare = money(pair[0], pair[1], 0.5)
    assert {bare.lift[name].note for name in ("revenue", "margin_revenue", "net_value")} == {UNLIMITED}
    capped = money(*(each.within((0.0, 40.0)) for each in pair), 0.5, dearest=2.2)
    for name, most in (("revenue", 40.0), ("margin_revenue", 20.0), ("net_value", 22.2)):
        absolute = capped.lift[name].absolute
        assert -most <= absolute.lower < absolute.value < absolute.upper <= most


def test_a_price_with_few_who_came_back_is_withheld():
    few = money(account(6, 5000, 0.05, 2.0), account(7, 5000, 0.008, 0.0), 0.5).cost_per_incremental
    assert few.estimate.value is not None and few.estimate.lower is None and few.not_computed
    assert "fewer than 50 re-engaged in a group" in few.note
    many = money(account(6, 5000, 0.05, 2.0), account(7, 5000, 0.02, 0.0), 0.5).cost_per_incremental
    assert many.estimate.lower is not None


def test_costs_that_vary_need_as_many_as_anything_else():
    few = money(account(8, 500, 0.02, 2.0), account(9, 500, 0.02, 0.0), 0.5).lift["reward_cost"]
    assert few.absolute.lower is None and "costs that a group needs" in few.note
    many = money(account(8, 5000, 0.02, 2.0), account(9, 500, 0.02, 0.0), 0.5).lift["reward_cost"]
    assert many.absolute.lower is not None
