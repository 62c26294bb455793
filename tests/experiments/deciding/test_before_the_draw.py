"""Enrolment, eligibility and overrides: everything that is settled before anything is drawn (law 3)."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.model.deciding.eligibility import Adjusted, Eligibility
from experiments.model.deciding.enrolment import Enrolment, Sharing
from experiments.model.deciding.overrides import applicable, with_weights
from experiments.model.designing.definition import Definition
from experiments.model.times import HOUR, duration_micros, to_micros

SALT = b"salt" * 8
UNITS = [f"unit-{n}" for n in range(10_000)]
START = to_micros(datetime(2026, 1, 1, tzinfo=UTC))


def define(**changes) -> Definition:
    arms = [{"key": "a"}, {"key": "b", "eligible": {">": [{"var": "x"}, 0]}}, {"key": "c"}]
    variants = [{"key": "v", "share": 1.0, "policy": {"name": "uniform"}}]
    return Definition.model_validate({"key": "e", "arms": arms, "variants": variants} | changes)


def enrolled(enrolment: Enrolment, at: int = START) -> set[str]:
    return {unit for unit in UNITS if enrolment.refusal(unit, {}, at) is None}


def within(count: int, share: float, of: int = len(UNITS)) -> bool:
    low, high = stats.binom.interval(1 - 1e-9, of, share)
    return bool(low <= count <= high)


def test_the_ramp_is_monotone_in_time_and_keeps_whom_it_has() -> None:
    ramp = [{"after": "PT0S", "share": 0.1}, {"after": "PT1H", "share": 0.4}, {"after": "PT2H", "share": 1.0}]
    enrolment = Enrolment(define(ramp=ramp), SALT, START, Sharing())
    steps = [enrolled(enrolment, START + hours * HOUR) for hours in (0, 1, 2)]
    assert steps[0] < steps[1] < steps[2] == set(UNITS)
    assert within(len(steps[0]), 0.1)
    assert within(len(steps[1]), 0.4)


def test_before_its_start_and_after_its_end_nobody_takes_part() -> None:
    times = {"starts_at": datetime(2026, 1, 2, tzinfo=UTC), "ends_at": datetime(2026, 1, 3, tzinfo=UTC)}
    enrolment = Enrolment(define(**times), SALT, START, Sharing())
    day = duration_micros(timedelta(days=1))
    assert [enrolment.refusal("u", {}, START + n * day) for n in (0, 1, 2)] == ["not_enrolled", None, "ended"]


def test_layers_with_the_same_salt_never_overlap_and_cover() -> None:
    sharing = Sharing(layer_salt=b"layer")
    layers = [{"key": "email", "share": share, "offset": offset} for share, offset in ((0.3, 0.0), (0.7, 0.3))]
    one, other = (enrolled(Enrolment(define(layer=layer), SALT, START, sharing)) for layer in layers)
    assert not one & other
    assert one | other == set(UNITS)


def test_the_global_holdout_is_outside_every_experiment_and_the_same_in_all() -> None:
    sharing = Sharing(holdout_share=0.05, holdout_salt=b"holdout")
    outs = [set(UNITS) - enrolled(Enrolment(define(), salt, START, sharing)) for salt in (SALT, b"another")]
    assert outs[0] == outs[1]
    assert within(len(outs[0]), 0.05)


def test_variants_follow_their_shares_and_do_not_depend_on_enrolment() -> None:
    shares = {"v": 0.5, "w": 0.3, "x": 0.2}
    variants = [{"key": key, "share": share, "policy": {"name": "uniform"}} for key, share in shares.items()]
    ramp = [{"after": "PT0S", "share": 0.5}]
    enrolment = Enrolment(define(variants=variants, ramp=ramp), SALT, START, Sharing())
    inside = enrolled(enrolment)
    places = {unit: enrolment.variant(unit) for unit in UNITS}
    for place, share in enumerate(shares.values()):
        assert within(sum(found == place for found in places.values()), share)
        assert within(sum(places[unit] == place for unit in inside), share, len(inside))


def test_the_experiments_own_rule_decides_over_the_facts() -> None:
    enrolment = Enrolment(define(eligible={">=": [{"var": "days"}, 30]}), SALT, START, Sharing())
    assert enrolment.refusal("u", {"days": 29}, START) == "not_eligible"
    assert enrolment.refusal("u", {}, START) == "not_eligible"
    assert enrolment.refusal("u", {"days": 30}, START) is None


def test_rules_and_switches_leave_arms_out_and_say_why() -> None:
    definition = define()
    off = Adjusted("c", "enabled", 0.0, "stock ran out")
    eligibility = Eligibility(definition, definition.variants[0].policy, [off])
    assert eligibility.given({"x": 1}).keys == ["a", "b"]
    assert eligibility.given({"x": 0}).excluded == {"b": "its rule does not hold", "c": "disabled: stock ran out"}
    assert eligibility.given({"x": 1}) is eligibility.given({"x": 5})


def test_a_later_switch_wins_and_costs_are_replaced() -> None:
    definition = define()
    adjusted = [Adjusted("c", "enabled", 0.0, "x"), Adjusted("c", "enabled", 1.0, "y"), Adjusted("a", "cost", 9.0, "z")]
    found = Eligibility(definition, definition.variants[0].policy, adjusted).given({"x": 1})
    assert found.keys == ["a", "b", "c"]
    assert found.arms[0].reward_cost == 9.0
    assert found.costs == {"a": 9.0}


@pytest.mark.parametrize(
    ("policy", "first"),
    [
        ({"name": "fixed", "params": {"arm": "nothing"}}, "nothing"),
        ({"name": "fixed", "params": {"arm": "a"}}, "a"),
        ({"name": "split", "params": {"weights": {"nothing": 1, "a": 1}}}, "nothing"),
        ({"name": "rules", "params": {"rules": [{"when": {"==": [{"var": "x"}, "nothing"]}, "arm": "a"}]}}, "nothing"),
        ({"name": "rules", "params": {"rules": [], "default": "a"}}, "a"),
        ({"name": "uniform"}, "a"),
    ],
)
def test_nothing_is_eligible_unlisted_only_where_the_policy_names_it(policy, first) -> None:
    definition = define(variants=[{"key": "v", "share": 1.0, "policy": policy}])
    assert Eligibility(definition, definition.variants[0].policy, []).given({"x": 1}).keys[0] == first


weights = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.0, 1.0), max_size=6)
pmfs = st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6).filter(lambda given: sum(given) > 0.01)


@given(pmfs, weights)
def test_overrides_set_what_they_name_and_keep_the_others_proportions(given_pmf, named) -> None:
    keys, pmf = list("abcdef"), np.array(given_pmf) / sum(given_pmf)
    applied = applicable(named, keys, pmf)
    made = with_weights(pmf, keys, applied)
    assert made.sum() == pytest.approx(1.0, abs=1e-12)
    assert (made >= 0).all()
    assert all(made[keys.index(key)] == pytest.approx(weight, abs=1e-9) for key, weight in applied.items())
    others = [place for place, key in enumerate(keys) if key not in applied]
    if applied and made[others].sum() > 1e-9:
        np.testing.assert_allclose(made[others] / made[others].sum(), pmf[others] / pmf[others].sum(), atol=1e-9)


def test_an_override_leaves_a_holdout_alone() -> None:
    assert applicable({"a": 0.3}, ["nothing", "a"], np.array([1.0, 0.0])) == {}
    assert applicable({"nothing": 0.3}, ["nothing", "a"], np.array([1.0, 0.0])) == {}


def test_one_override_is_the_documented_one() -> None:
    pmf = np.array([0.5, 0.3, 0.2])
    made = with_weights(pmf, ["a", "b", "c"], {"a": 0.3})
    np.testing.assert_allclose(made, [0.3, 0.3 * 0.7 / 0.5, 0.2 * 0.7 / 0.5])
