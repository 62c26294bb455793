"""Readouts of logs: made up ones with known truth, and the published ones where they are at hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chisquare, ttest_ind

from offline_eval.ab.errors import ReadoutError
from offline_eval.ab.logged import readout
from offline_eval.ab.logged.readout import Settings
from offline_eval.engine import Threads
from offline_eval.logs import open_log, parse_spec, read_spec
from tests.offline_eval.ab.made_logs import log_of, made_up

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / ".." / "shared" / "data"


def test_agrees_with_scipy_and_statsmodels(tmp_path):
    columns = made_up(1)
    document = readout(log_of(tmp_path, columns, context={"numeric": ["x"]}))
    gift, none = columns["arm"] == "gift", columns["arm"] == "none"
    theirs = ttest_ind(columns["spend"][gift], columns["spend"][none], equal_var=False)
    lift = document["arms"]["gift"]["lift"]["revenue"]
    assert lift["p_value"] == pytest.approx(theirs.pvalue, rel=1e-9)
    assert lift["absolute"]["lower"] == pytest.approx(theirs.confidence_interval().low, rel=1e-9)
    assert document["sample_ratio"]["p_value"] == pytest.approx(
        chisquare([(columns["arm"] == a).sum() for a in ("none", "mail", "gift")]).pvalue, rel=1e-9
    )
    both = gift | none
    x = columns["x"][both] - columns["x"][both].mean()
    t = gift[both].astype(float)
    fit = sm.OLS(columns["back"][both], np.column_stack([np.ones(both.sum()), t, x, t * x])).fit()
    adjusted = document["arms"]["gift"]["adjusted"]["reengagement"]["absolute"]
    assert adjusted["value"] == pytest.approx(fit.params[1], rel=1e-9)


def test_the_contracts_form(tmp_path):
    document = readout(log_of(tmp_path, made_up(2), segments={"by": ["kind"]}))
    json.dumps(document, allow_nan=False)
    assert document["arms"].keys() == {"none", "mail", "gift"}
    assert "lift" not in document["arms"]["none"]
    for key in ("mail", "gift"):
        assert document["arms"][key]["lift"]["revenue"].keys() >= {"absolute", "relative", "p_value"}
    assert document["sample_ratio"].keys() >= {"p_value", "mismatch"}
    assert document["verdict"]["word"] == "ship"
    assert document["best"]["gift"]["probability"] > 0.99
    assert document["segments"]["kind"]["lift"].keys() == {"a", "b"}


def test_weighting_leaves_a_uniform_log_as_it_is(tmp_path):
    columns = made_up(3) | {"p": np.full(9000, 1 / 3)}
    plain = readout(log_of(tmp_path, columns))["arms"]["gift"]
    weighted = readout(log_of(tmp_path, columns, log={"propensity": {"column": "p"}}))["arms"]["gift"]
    for metric in ("reengagement", "revenue"):
        one, other = plain["lift"][metric]["absolute"], weighted["lift"][metric]["absolute"]
        assert other["value"] == pytest.approx(one["value"], rel=1e-9)
        assert other["upper"] - other["lower"] == pytest.approx(one["upper"] - one["lower"], rel=0.01)


def test_weighting_takes_out_what_an_unequal_draw_put_in(tmp_path):
    rng = np.random.default_rng(4)
    n = 20_000
    active = rng.random(n) < 0.5
    p = np.where(active, 0.8, 0.2)
    gift = rng.random(n) < p
    columns = {
        "arm": np.where(gift, "gift", "none"),
        "back": (rng.random(n) < 0.1 + 0.4 * active).astype(int),
        "spend": np.zeros(n),
        "p": np.where(gift, p, 1 - p),
    }
    document = readout(log_of(tmp_path, columns, log={"propensity": {"column": "p"}}))
    lift = document["arms"]["gift"]["lift"]["reengagement"]["absolute"]
    assert lift["lower"] < 0 < lift["upper"]
    assert not document["sample_ratio"]["mismatch"]
    assert document["verdict"]["word"] == "keep running"
    assert document["verdict"]["reason"].startswith("undecided: the log ends before it could tell: ")


def test_units_with_many_rows_widen_the_interval(tmp_path):
    columns = {name: np.repeat(column, 4) for name, column in made_up(5, 3000).items()}
    rows = readout(log_of(tmp_path, columns))["arms"]["gift"]["lift"]["reengagement"]["absolute"]
    columns |= {"who": np.repeat(np.arange(3000), 4), "at": np.tile(np.arange(4), 3000)}
    units = readout(log_of(tmp_path, columns, log={"unit": "who", "time": "at"}))["arms"]["gift"]["lift"][
        "reengagement"
    ]["absolute"]
    assert units["value"] == pytest.approx(rows["value"], rel=1e-9)
    assert (units["upper"] - units["lower"]) / (rows["upper"] - rows["lower"]) == pytest.approx(2.0, rel=0.1)


def test_only_rows_where_both_were_eligible(tmp_path):
    rng = np.random.default_rng(6)
    n = 6000
    both = rng.random(n) < 0.5
    arm = np.where(both & (rng.random(n) < 0.5), "gift", "none")
    columns = {
        "arm": arm,
        "back": (rng.random(n) < np.where(both, 0.2, 0.6)).astype(int),
        "spend": np.zeros(n),
        "may": np.where(both, "none|gift", "none"),
    }
    frame = pd.DataFrame(columns)
    frame["may"] = frame["may"].str.split("|")
    path = tmp_path / "log.parquet"
    frame.to_parquet(path)
    spec = parse_spec(
        {
            "log": {"name": "x", "arm": "arm", "control": "none", "eligible": "may", "propensity": {"uniform": True}},
            "outcomes": {"reengagement": "back"},
            "objective": {"maximise": "reengagement"},
        }
    )
    lift = readout(open_log(path, spec))["arms"]["gift"]["lift"]["reengagement"]["absolute"]
    assert lift["lower"] < 0 < lift["upper"]


def test_a_mismatch_is_said_before_any_lift(tmp_path):
    columns = made_up(7)
    keep = ~((columns["arm"] == "gift") & (columns["back"] == 0) & (np.arange(9000) % 4 == 0))
    document = readout(log_of(tmp_path, {name: column[keep] for name, column in columns.items()}))
    assert document["sample_ratio"]["mismatch"]
    assert document["verdict"]["word"] == "don't trust"


def test_a_missing_value_of_another_metric_leaves_that_metric_alone(tmp_path):
    columns = made_up(8)
    columns["spend"] = np.where(np.arange(9000) % 10 == 0, np.nan, columns["spend"])
    document = readout(log_of(tmp_path, columns))
    metrics = document["arms"]["gift"]["metrics"]
    assert metrics["revenue"]["n"] < metrics["reengagement"]["n"] == document["arms"]["gift"]["n"]


def test_money_is_counted_where_costs_are_known(tmp_path):
    costs = [
        {"value": "none"},
        {"value": "mail", "contact_cost": 0.1},
        {"value": "gift", "reward_cost": 2.0, "cost_on": "reengagement"},
    ]
    arms = readout(log_of(tmp_path, made_up(9, 30_000), arms=costs))["arms"]
    money = arms["gift"]["money"]
    metrics = {name: e["value"] for name, e in arms["gift"]["metrics"].items()}
    assert metrics["net_value"] == pytest.approx(0.5 * metrics["revenue"] - metrics["reward_cost"], rel=1e-9)
    assert money["totals"]["net_value"] == pytest.approx(metrics["net_value"] * arms["gift"]["n"], rel=1e-9)
    assert money["cost_per_incremental"]["lower"] < 2.0 * 0.25 / 0.05 < money["cost_per_incremental"]["upper"]
    assert arms["mail"]["money"]["cost_per_incremental"]["unbounded"]


def test_engines_and_parts_give_the_same(tmp_path):
    log = log_of(tmp_path, made_up(10))
    assert readout(log, engine=Threads(1)) == readout(log, engine=Threads(2))


def test_no_control_is_refused(tmp_path):
    columns = made_up(11)
    log = log_of(tmp_path, columns, log={"control": ""})
    with pytest.raises(ReadoutError, match="control"):
        readout(log)


def test_arms_of_one_event_type_are_read_together(tmp_path):
    arms = [{"value": "none"}, *({"value": arm, "event_type": "nice"} for arm in ("mail", "gift"))]
    columns = made_up(12)
    lift = readout(log_of(tmp_path, columns, arms=arms))["event_types"]["nice"]
    treated = columns["arm"] != "none"
    theirs = ttest_ind(columns["back"][treated], columns["back"][~treated], equal_var=False)
    assert lift["p_value"] == pytest.approx(theirs.pvalue, rel=1e-9)
    assert lift["p_adjusted"] == lift["p_value"]


def published(name, spec):
    if not (DATA / name).exists():
        pytest.skip(f"the published log {name} is not in ../shared/data")
    return readout(open_log(DATA / name, read_spec(ROOT / "docs" / "examples" / spec)), Settings())


def test_hillstrom():
    document = published("hillstrom.csv.gz", "hillstrom.toml")
    arms = document["arms"]
    assert arms["Mens E-Mail"]["metrics"]["reengagement"]["value"] == pytest.approx(0.1828, abs=1e-4)
    lift = arms["Mens E-Mail"]["lift"]
    assert lift["reengagement"]["absolute"]["value"] == pytest.approx(0.0766, abs=1e-4)
    assert lift["revenue"]["absolute"]["lower"] > 0
    assert arms["Womens E-Mail"]["lift"]["conversion"]["p_value"] < 0.001
    assert not document["sample_ratio"]["mismatch"]
    assert document["verdict"]["word"] == "ship"


def test_karlan_list_matching_raises_giving_and_larger_ratios_add_nothing():
    document = published("karlan_list.csv.gz", "karlan_list.toml")
    rates = [document["arms"][arm]["metrics"]["conversion"]["value"] for arm in ("0|0|0", "1|0|0", "1|1|0", "1|0|1")]
    assert rates == pytest.approx([0.0179, 0.0207, 0.0226, 0.0227], abs=1e-4)
    assert document["arms"]["1|1|0"]["lift"]["conversion"]["p_adjusted"] < 0.05
    assert all(pair["p_adjusted"] > 0.5 for pair in document["between"].values())
