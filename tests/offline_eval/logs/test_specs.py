from pathlib import Path
from typing import Any

import pytest

from offline_eval.logs import SpecError, parse_spec, read_spec

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.toml"))


def faults(data: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        parse_spec(data)
    return caught.value.faults


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_sound(path):
    assert read_spec(path).name


def test_all_faults_are_named_at_once(spec_data):
    spec_data["log"] |= {"unti": "x", "time_unit": "y", "propensity": {"uniform": True, "column": "p"}}
    spec_data["objective"] = {"maximise": "revenu", "range": [1, 0]}
    spec_data["arms"][1]["cost_on"] = "redeemed"
    spec_data["rules"] = {"default": "six", "list": [{"when": {"=>": [1, 2]}, "arm": "five"}]}
    assert set(faults(spec_data)) == {
        "/log/unti",
        "/log/time_unit",
        "/log/propensity",
        "/objective/maximise",
        "/objective/range",
        "/arms/1/cost_on",
        "/rules/default",
        "/rules/list/0/when",
    }


def test_an_unknown_key_says_what_was_meant(spec_data):
    spec_data["log"]["controll"] = "none"
    assert "did you mean 'control'" in faults(spec_data)["/log/controll"]


@pytest.mark.parametrize("propensity", [{}, {"uniform": False}, {"within": ["a"], "estimate": True}])
def test_exactly_one_source_of_propensities(spec_data, propensity):
    spec_data["log"]["propensity"] = propensity
    assert "exactly one" in faults(spec_data)["/log/propensity"]


def test_net_value_needs_revenue(spec_data):
    spec_data["objective"] = {"maximise": "net_value"}
    del spec_data["outcomes"]["revenue"]
    assert "/outcomes/revenue" in faults(spec_data)


@pytest.mark.parametrize(
    ("section", "member", "where"),
    [
        ("log", {"propensity": {"within": ["visit"]}}, "/log/propensity/within"),
        ("segments", {"by": ["visit"]}, "/segments/by"),
    ],
)
def test_nothing_is_grouped_by_an_outcome(spec_data, section, member, where):
    spec_data[section] = spec_data.get(section, {}) | member
    assert "came after the draw" in faults(spec_data)[where]


def test_an_outcome_must_not_leak_into_the_context(spec_data):
    spec_data["context"]["numeric"].append("visit")
    assert "leak" in faults(spec_data)["/outcomes/reengagement"]


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ({">": [{"var": "age"}, 3]}, "neither in context.numeric"),
        ({"==": [{"var": "channel"}, 1]}, "compares the categorical"),
        ({"in": [{"var": "recency"}, ["1", "2"]]}, "compares the numeric"),
    ],
)
def test_rules_that_can_never_hold_are_faults(spec_data, when, sentence):
    spec_data["rules"] = {"default": "none", "list": [{"when": {"!": [when]}, "arm": "five"}]}
    assert sentence in faults(spec_data)["/rules/list/0/when"]


def test_a_list_of_one_arm_does_not_close_the_list(spec_data):
    spec_data["arms"] = spec_data["arms"][1:2]
    assert not parse_spec(spec_data).closed


def test_a_file_that_is_no_toml(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text("[log\n")
    with pytest.raises(SpecError, match="is not TOML"):
        read_spec(path)
