"""Shares that are said to be the whole log's are those of every time and every segment."""

import numpy as np
import pandas as pd
import pytest

from offline_eval.ab.logged.readout import readout
from offline_eval.logs import open_log, parse_spec

N = 4000


def spec(propensity):
    return {
        "log": {
            "name": "made",
            "arm": "arm",
            "control": "c",
            "time": "day",
            "time_unit": "d",
            "propensity": propensity,
        },
        "outcomes": {"conversion": "bought"},
        "objective": {"maximise": "conversion"},
        "segments": {"by": ["seg"]},
    }


def made(tmp_path, design, propensity):
    rng = np.random.default_rng(5)
    day, seg = np.sort(rng.integers(0, 28, N)), rng.integers(0, 2, N)
    half = rng.random(N) < 0.5
    treated = {"constant": half, "later": half & (day >= 12), "one segment": half & (seg == 1)}[design]
    # What people do depends on the day and the segment, never on the arm.
    bought = rng.random(N) < 0.04 + 0.004 * day + 0.08 * seg
    path = tmp_path / "log.csv"
    columns = {"arm": np.where(treated, "t", "c"), "day": day, "seg": seg.astype(str), "bought": bought.astype(int)}
    pd.DataFrame(columns).to_csv(path, index=False)
    return open_log(path, parse_spec(spec(propensity)))


def check_of(found):
    return next((check for check in found["checks"] if check["name"] == "allocation"), None)


@pytest.mark.parametrize(("design", "by"), [("later", "time"), ("one segment", "seg")])
def test_an_arm_that_came_later_or_was_for_some_is_not_compared_over_all(tmp_path, design, by):
    found = readout(made(tmp_path, design, {"within": []}))
    check = check_of(found)
    assert (check["status"], found["verdict"]["word"]) == ("failed", "don't trust")
    assert f"differ by {by};" in check["detail"]
    assert "propensity.within" in check["detail"]


def test_constant_shares_pass(tmp_path):
    found = readout(made(tmp_path, "constant", {"within": []}))
    assert check_of(found)["status"] == "ok"
    assert found["verdict"]["word"] != "don't trust"


def test_strata_that_are_named_are_not_held_against_it(tmp_path):
    found = readout(made(tmp_path, "one segment", {"within": ["seg"]}))
    assert check_of(found) is None
    assert found["verdict"]["word"] != "don't trust"


def test_propensities_are_fitted_where_a_log_has_none(tmp_path):
    """As the shell does it: the function that the documents name needs no preparation."""
    found = readout(made(tmp_path, "constant", {"estimate": True}))
    lift = found["arms"]["t"]["lift"]["conversion"]["absolute"]
    assert lift["lower"] is not None and lift["lower"] < 0.0 < lift["upper"]
