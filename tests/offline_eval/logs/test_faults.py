"""Bad input names the row, the column and the remedy."""

import numpy as np
import pandas as pd
import pytest

from offline_eval.logs import Fault, LogDataError, LogError, open_log, parse_spec


def faults(path, spec_data) -> tuple[Fault, ...]:
    with pytest.raises(LogDataError) as caught:
        open_log(path, parse_spec(spec_data))
    return caught.value.faults


def spoiled(frame: pd.DataFrame, row: int, column: str, value: object) -> pd.DataFrame:
    frame = frame.astype({column: object})
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("p", 0.0, "outside (0, 1]"),
        ("p", -0.5, "outside (0, 1]"),
        ("p", 1.5, "outside (0, 1]"),
        ("p", None, "missing"),
        ("p", "often", "no number"),
        ("offer", "fifty", "not known to the spec"),
        ("offer", None, "the arm is missing"),
        ("visit", None, "the outcome 'reengagement' is missing"),
        ("visit", np.inf, "the outcome 'reengagement' is missing"),
        ("visit", "yes", "is not a number"),
        ("visit", 7, "outside [0, 1]"),
        ("recency", "soon", "is not a number"),
        ("customer", None, "the unit is missing"),
        ("at", "yesterday", "is not a time"),
    ],
)
def test_a_bad_value_names_its_row_column_and_remedy(frame, spec_data, write, column, value, problem):
    found = faults(write(spoiled(frame, 41, column, value)), spec_data)
    first = next(fault for fault in found if fault.column == column)
    assert first.row == 42
    assert problem in first.problem
    assert first.remedy
    assert f"row 42, column '{column}'" in str(first)


def test_a_missing_secondary_outcome_is_counted_not_refused(frame, spec_data, write):
    log = open_log(write(spoiled(frame, 41, "spend", None)), parse_spec(spec_data))
    assert log.scan.missing["revenue"] == 1
    assert np.isnan(log.table().metrics["revenue"]).sum() == 1


def test_absent_columns_are_named_all_at_once(frame, spec_data, write):
    found = faults(write(frame.drop(columns=["recency", "spend"])), spec_data)
    assert {(fault.row, fault.column) for fault in found} == {(None, "recency"), (None, "spend")}


def test_constant_rewards(frame, spec_data, write):
    (fault,) = faults(write(frame.assign(visit=0.5)), spec_data)
    assert fault.column == "visit"
    assert "constant rewards" in fault.problem


@pytest.mark.parametrize("objective", ["reengagement", "revenue", "net_value"])
def test_where_nothing_has_happened_yet_the_log_is_read(frame, spec_data, write, objective):
    spec_data["objective"] = {"maximise": objective, "margin": 0.5}
    log = open_log(write(frame.assign(visit=0, spend=0.0)), parse_spec(spec_data))
    assert log.scan.n == len(frame)


def test_a_unit_decided_twice_at_one_time(frame, spec_data, write):
    (fault,) = faults(write(pd.concat([frame, frame.iloc[[4]]])), spec_data)
    assert (fault.row, fault.column) == (301, "customer")


def test_units_that_come_back_need_a_time(frame, spec_data, write):
    spec_data["log"]["time"] = ""
    (fault,) = faults(write(frame), spec_data)
    assert "log.time" in fault.remedy


def test_an_arm_outside_the_rows_own_eligible_set(frame, spec_data, write):
    frame["eligible"] = "none|five|ten"
    frame.loc[9, "eligible"] = (
        "none|five" if frame.offer[9] == "ten" else "|".join({"none", "five", "ten"} - {frame.offer[9]})
    )
    spec_data["log"]["eligible"] = "eligible"
    (fault,) = faults(write(frame), spec_data)
    assert (fault.row, fault.column) == (10, "offer")


def test_a_misspelt_arm_where_draws_were_uniform(spec_data, write):
    n = 3000
    frame = pd.DataFrame({"offer": np.resize(["none", "five", "ten"], n), "visit": np.resize([0, 1], n)})
    frame.loc[100, "offer"] = "fife"
    data = {
        "log": {"name": "x", "arm": "offer", "propensity": {"uniform": True}},
        "outcomes": {"v": "visit"},
        "objective": {"maximise": "v"},
    }
    (fault,) = faults(write(frame), data)
    assert fault.row == 101
    assert "'fife'" in fault.problem


def test_an_arm_of_the_spec_that_never_occurs(frame, spec_data, write):
    del spec_data["arms"]
    spec_data["log"]["control"] = "nothing"
    (fault,) = faults(write(frame), spec_data)
    assert "'nothing', which never occurs" in fault.problem


def test_an_empty_log(frame, spec_data, write):
    (fault,) = faults(write(frame.iloc[:0]), spec_data)
    assert "no rows" in fault.problem


def test_a_line_with_too_few_fields(frame, spec_data, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(frame.to_csv(index=False) + "u1,2\n")
    assert "Expected 8 columns" in faults(path, spec_data)[0].problem


def test_a_column_of_another_kind(frame, spec_data, tmp_path):
    path = tmp_path / "log.parquet"
    frame.assign(recency=pd.Timestamp("2026-01-01")).to_parquet(path, index=False)
    assert {fault.column for fault in faults(path, spec_data)} == {"recency"}


@pytest.mark.parametrize("suffix", ["csv.gz", "parquet"])
def test_a_damaged_file(frame, spec_data, tmp_path, suffix):
    path = tmp_path / f"log.{suffix}"
    frame.to_parquet(path, index=False) if suffix == "parquet" else frame.to_csv(path, index=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40] if suffix == "csv.gz" else whole[:8] + bytes(200) + whole[208:])
    with pytest.raises(LogError):
        open_log(path, parse_spec(spec_data))


@pytest.mark.parametrize("name", ["log.xlsx", "log.parquet"])
def test_a_file_that_is_no_log(spec_data, tmp_path, name):
    path = tmp_path / name
    path.write_text("nonsense")
    with pytest.raises(LogError):
        open_log(path, parse_spec(spec_data))


def test_a_file_that_is_not_there(spec_data, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such log"):
        open_log(tmp_path / "log.csv", parse_spec(spec_data))
