"""Definitions: sound ones pass, every fault is found at once, and checks neither guess nor repeat."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.metrics import METRICS, MONEY, RATIOS
from experiments.model.checks import CHECKS, WARNINGS, study
from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import CAPPED_METRICS, EVENT_METRICS, MONEY_METRICS

SOUND = {
    "key": "k",
    "arms": [{"key": "a"}, {"key": "b", "cost_on": "redeemed"}],
    "variants": [
        {"key": "v", "share": 0.5, "policy": {"name": "squarecb", "floor": 0.02}},
        {"key": "w", "share": 0.5, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
    ],
}


def _pointers(**changes):
    return {fault.pointer for fault in study({**deepcopy(SOUND), **changes}).faults}


def _variants(*policies):
    share = 1 / len(policies)
    return [{"key": f"v{n}", "share": share, "policy": policy} for n, policy in enumerate(policies)]


def test_the_least_definition_is_sound():
    reading = study(SOUND)
    assert reading.faults == []
    assert reading.definition.attribution_window.days == 7


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"arms": [{"key": "a"}, {"key": "a"}]}, {"/arms/1/key"}),
        ({"arms": []}, {"/arms"}),
        ({"arms": [{"key": "a", "cost_on": "moonrise"}]}, {"/arms/0/cost_on"}),
        ({"arms": [{"key": "a", "eligible": {"==": [1]}}]}, {"/arms/0/eligible/=="}),
        ({"arms": [{"key": "a", "reward_cost": -1}]}, {"/arms/0/reward_cost"}),
        ({"arms": [{"key": "a", "attributes": {"x": [1]}}]}, {"/arms/0/attributes/x"}),
        ({"arms": [{"key": "a\nb"}]}, {"/arms/0/key"}),
        ({"eligible": {"nope": 1}}, {"/eligible"}),
        ({"variants": _variants({"name": "uniform"}) * 2}, {"/variants", "/variants/1/key"}),
        ({"variants": _variants({"name": "oracle"})}, {"/variants/0/policy/name"}),
        ({"variants": _variants({"name": "fixed", "params": {"arm": "z"}})}, {"/variants/0/policy/params/arm"}),
        ({"variants": _variants({"name": "fixed"})}, {"/variants/0/policy/params/arm"}),
        (
            {"variants": _variants({"name": "split", "params": {"weights": {"a": 1, "z": 1}}})},
            {"/variants/0/policy/params/weights/z"},
        ),
        (
            {"variants": _variants({"name": "rules", "params": {"rules": [{"when": True, "arm": "z"}]}})},
            {"/variants/0/policy/params/rules/0/arm"},
        ),
        (
            {"variants": _variants({"name": "rules", "params": {"rules": [{"when": {"x": 1}, "arm": "a"}]}})},
            {"/variants/0/policy/params/rules/0/when"},
        ),
        ({"variants": _variants({"name": "squarecb", "params": {"zeal": 3}})}, {"/variants/0/policy/params/zeal"}),
        ({"variants": _variants({"name": "uniform", "floor": 0.1})}, {"/variants/0/policy/floor"}),
        ({"shadow": [{"key": "v", "policy": {"name": "uniform"}}]}, {"/shadow/0/key"}),
        ({"shadow": [{"key": "s", "policy": {"name": "oracle"}}]}, {"/shadow/0/policy/name"}),
        ({"control": "z"}, {"/control"}),
        ({"objective": {"maximise": "fame"}}, {"/objective/maximise"}),
        ({"objective": {"maximise": "roi"}}, {"/objective/maximise"}),
        ({"objective": {"maximise": "reward_cost"}}, {"/objective/maximise"}),
        ({"objective": {"margin": 1.5}}, {"/objective/margin"}),
        ({"metrics": [{"name": "net_value", "kinds": ["view"], "aggregate": "any"}]}, {"/metrics/0/name"}),
        ({"metrics": [{"name": "m", "kinds": ["view"] * 2, "aggregate": "any"}]}, {"/metrics/0/kinds"}),
        ({"metrics": [{"name": "m", "kinds": ["view"], "aggregate": "mean"}]}, {"/metrics/0/aggregate"}),
        (
            {"metrics": [{"name": "m", "kinds": ["view"], "aggregate": "any", "within": "P8D"}]},
            {"/metrics/0/within"},
        ),
        ({"attribution_window": "PT0S"}, {"/attribution_window"}),
        ({"attribution_window": "-P1D"}, {"/attribution_window"}),
        ({"attribution_window": 7}, {"/attribution_window"}),
        ({"attribution_window": "7 days"}, {"/attribution_window"}),
        ({"learning_window": "P8D"}, {"/learning_window"}),
        ({"decision_window": "P99999D"}, {"/decision_window"}),
        ({"time_zone": "Mars"}, {"/time_zone"}),
        ({"time_zone": "../../etc/passwd"}, {"/time_zone"}),
        ({"currency": "euro"}, {"/currency"}),
        (
            {"ramp": [{"after": "P1D", "share": 0.5}, {"after": "PT0S", "share": 0.1}]},
            {"/ramp/1/after", "/ramp/1/share"},
        ),
        ({"starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"}, {"/ends_at"}),
        ({"starts_at": "2026-02-01T00:00:00"}, {"/starts_at"}),
        ({"layer": {"key": "l", "share": 0.6, "offset": 0.5}}, {"/layer/offset"}),
        ({"context": {"numeric": ["x", "x"], "categorical": ["x"]}}, {"/context/numeric/1", "/context/categorical/0"}),
        ({"caps": {"per_unit": 1}, "budget": {"total": 5}}, {"/caps/per_unit", "/budget/amount", "/budget/total"}),
        ({"caps": {"contacts": [{"max": -1, "within": "P1D"}]}}, {"/caps/contacts/0/max"}),
        ({"caps": {"contacts": [{"max": 1, "within": "PT0S"}]}}, {"/caps/contacts/0/within"}),
        (
            {"caps": {"contacts": [{"max": 1, "within": "P1D", "scope": "service"}]}, "clock": "caller"},
            {"/caps/contacts/0/scope"},
        ),
        ({"caps": {"arms": {"zz": {"total": 1}, "nothing": {"total": 1}}}}, {"/caps/arms/zz", "/caps/arms/nothing"}),
        ({"caps": {"reward": {}}}, {"/caps/reward"}),
        ({"caps": {"reward": {"total": 5, "within": "P1D"}}}, {"/caps/reward/within"}),
        ({"quiet_hours": {"from": "25:00", "to": "08:00"}}, {"/quiet_hours/from"}),
        ({"quiet_hours": {"from": "08:00", "to": "08:00"}}, {"/quiet_hours/to"}),
        ({"quiet_hours": {"from": "21:00", "to": "08:00", "time_zone": "Mars"}}, {"/quiet_hours/time_zone"}),
        ({"budget": {"amount": 5}}, {"/budget/ends_at"}),
        ({"guardrails": [{"metric": "unsubscribe"}]}, {"/guardrails/0/worst"}),
        ({"guardrails": [{"metric": "fame", "worst": 0}]}, {"/guardrails/0/metric"}),
        ({"guardrails": [{"metric": "roi", "worst": 0}]}, {"/guardrails/0/metric"}),
        ({"guardrails": [{"metric": "view", "worst": -1}]}, {"/guardrails/0/worst"}),
        ({"guardrails": [{"metric": "view", "worst": 0, "versus": "a"}]}, {"/guardrails/0/versus"}),
        ({"guardrails": [{"metric": "view", "worst": 0, "on": "arm"}]}, {"/guardrails/0/versus"}),
        ({"guardrails": [{"metric": "view", "worst": 0}] * 2}, {"/guardrails/1"}),
        ({"stop": {}}, {"/stop"}),
        ({"stop": {"date": "soon"}}, {"/stop/date"}),
        ({"stop": {"sample": 0}}, {"/stop/sample"}),
        ({"stop": {"precision": 0.1, "versus": "z"}}, {"/stop/versus"}),
        ({"stop": {"futility": 0.1, "variant": "w", "versus": "w"}}, {"/stop/versus"}),
        ({"stop": {"guardrail": 0}}, {"/stop/guardrail"}),
        ({"salt": "short"}, {"/salt"}),
        ({"colour": "red"}, {"/colour"}),
        ({"name": "\x00"}, {"/name"}),
        ({"name": float("nan")}, {"/name"}),
    ],
)
def test_each_fault_is_found_where_it_is(changes, pointers):
    assert _pointers(**changes) == pointers


def test_faults_of_shape_do_not_hide_faults_of_meaning():
    found = _pointers(
        arms=[{"key": "a", "reward_cost": "five"}, {"key": "a"}],
        variants=[{"key": "v", "share": 2, "policy": {"name": "oracle"}}, {"share": 0.5, "policy": {"name": "fixed"}}],
        objective={"maximise": "fame", "margin": -1},
        time_zone="Mars",
        grace="soon",
        budget={"amount": 1},
    )
    assert found == {
        "/arms/0/reward_cost",
        "/arms/1/key",
        "/variants/0/share",
        "/variants/0/policy/name",
        "/variants/1/key",
        "/variants/1/policy/params/arm",
        "/objective/maximise",
        "/objective/margin",
        "/time_zone",
        "/grace",
        "/budget/ends_at",
    }


def test_floors_must_fit_the_arms():
    arms = [{"key": f"a{n}"} for n in range(12)]
    assert _pointers(arms=arms, variants=_variants({"name": "squarecb", "floor": 0.1})) == {"/variants/0/policy/floor"}
    assert _pointers(arms=arms, variants=_variants({"name": "squarecb", "floor": 1 / 12})) == set()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"attribution_window": "P8D"}, "/attribution_window"),
        ({"decision_window": "PT0S"}, "/decision_window"),
        ({"metrics": [{"name": "m", "kinds": ["sesion"], "aggregate": "any"}]}, "/metrics/0/kinds"),
        ({"ramp": [{"after": "P1D", "share": 1}]}, "/ramp/0/after"),
        ({"variants": _variants({"name": "uniform"})}, "/variants"),
    ],
)
def test_surprises_are_warned_of(changes, pointer):
    reading = study({**deepcopy(SOUND), **changes})
    assert reading.faults == []
    assert pointer in {warning.pointer for warning in reading.warnings}


def test_no_check_is_written_and_not_listed():
    listed = {finder.__name__ for finder in (*(check for check, _ in CHECKS), *WARNINGS)}
    modules = {finder.__module__ for finder in (*(check for check, _ in CHECKS), *WARNINGS)}
    written = {
        name
        for module in modules
        for name, value in vars(__import__(module, fromlist=["_"])).items()
        if callable(value) and getattr(value, "__module__", "") == module and not name.startswith("_")
    }
    assert written == listed


def test_the_default_metrics_are_those_that_are_computed():
    assert set(EVENT_METRICS) == set(METRICS)
    assert set(MONEY_METRICS) == {*MONEY, *RATIOS, *CAPPED_METRICS.values()}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_whatever_is_no_definition_has_a_fault(document):
    reading = study(document)
    assert reading.definition is None
    assert reading.faults


@given(st.dictionaries(st.sampled_from(sorted(Definition.model_fields)), JSON, min_size=1, max_size=5))
def test_whatever_stands_in_a_field_is_judged(changes):
    reading = study({**deepcopy(SOUND), **changes})
    assert (reading.definition is None) == bool(reading.faults)
    if reading.definition is not None:
        stored = reading.definition.model_dump(mode="json")
        assert Definition.model_validate(stored).model_dump(mode="json") == stored


@given(st.sampled_from(["arms", "variants", "metrics", "shadow", "ramp"]), st.integers(0, 1), JSON)
def test_whatever_stands_in_a_list_is_judged(field, place, value):
    document = deepcopy(SOUND)
    document[field] = [*document.get(field, [])]
    document[field].insert(place, value)
    assert study(document).faults
