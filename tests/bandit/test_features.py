import re
from urllib.parse import unquote

import numpy as np
import pytest
from bandit_strategies import contexts, hostile_arms, hostile_text, scalars
from hypothesis import given
from hypothesis import strategies as st

from bandit.features import CLIP, Encoder, arm_features, category, category_name, escape, feature_index, number
from bandit.rounds import Arm, FeatureSpec
from bandit.scaling import Scaler

SPEC = FeatureSpec(numeric=("days", "spent"), categorical=("segment",))


@given(hostile_text)
def test_escaped_names_are_plain_and_never_empty(text):
    assert re.fullmatch(r"[A-Za-z0-9_.~%-]+", escape(text))


@given(hostile_text)
def test_escaping_loses_nothing(text):
    assert (unquote(escape(text), errors="surrogatepass") if text else "") == text


@given(hostile_text, hostile_text, hostile_text, hostile_text)
def test_different_categories_have_different_names(name, value, other_name, other_value):
    same = (name, value) == (other_name, other_value)
    assert (category_name(name, value) == category_name(other_name, other_value)) == same


def test_indices_are_the_same_on_every_machine():
    assert feature_index("days") == 757204270767044662


@pytest.mark.parametrize(
    "values", [(1, 1.0, True, "1"), (0, 0.0, False, "0"), (2.5, "2.5"), (None, float("nan"), float("inf"))]
)
def test_equal_values_are_one_category(values):
    assert len({category(value) for value in values}) == 1


@given(scalars)
def test_numbers_are_finite_or_missing(value):
    plain = number(value)
    assert plain is None or np.isfinite(plain)


def warm(spec=SPEC):
    scaler = Scaler()
    encoder = Encoder(spec, scaler)
    for days, spent in [(0, 10.0), (100, 20.0), (200, 30.0), (400, 3000.0)]:
        encoder.observe({"days": days, "spent": spent, "segment": "a"})
    encoder.forget()
    return encoder


def as_dict(encoder, context):
    indices, values, ones = encoder.encode(context)
    named = dict(zip(indices.tolist(), values.tolist(), strict=True))
    return named | dict.fromkeys(ones, 1.0)


@given(contexts)
def test_values_are_finite_and_bounded_whatever_comes(context):
    for spec in (SPEC, FeatureSpec()):
        indices, values, _ = warm(spec).encode(context)
        assert len(indices) == len(values)
        assert np.isfinite(values).all()
        assert (abs(values) <= CLIP).all()


@given(contexts)
def test_observing_names_what_encoding_uses(context):
    for spec in (SPEC, FeatureSpec()):
        encoder = warm(spec)
        used = set(as_dict(encoder, context))
        assert used == {feature_index(name) for name in encoder.observe(context)}


def test_numbers_are_standardised():
    context = {"days": 175.0, "spent": 10.0, "segment": "a"}
    named = as_dict(warm(), context)
    assert named[feature_index("days")] == pytest.approx(0.0)
    assert named[feature_index("segment=a")] == 1.0


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "many", 10**400])
def test_missing_is_a_feature_of_its_own(value):
    named = as_dict(warm(), {"days": value, "spent": 10.0, "segment": "a"})
    assert named[feature_index("days?")] == 1.0
    assert feature_index("days") not in named
    assert feature_index("spent") in named


def test_declared_and_absent_is_missing_and_undeclared_is_ignored():
    named = as_dict(warm(), {"days": 1.0, "colour": "red"})
    assert set(named) == {feature_index(name) for name in ("days", "spent?", "segment?")}


def test_types_are_read_off_values_without_a_schema():
    named = as_dict(warm(FeatureSpec()), {"days": 1, "colour": "red", "flag": True, "none": None})
    assert set(named) == {feature_index(name) for name in ("days", "colour=red", "flag", "none?")}


def test_an_unlearned_number_counts_as_zero():
    assert as_dict(warm(FeatureSpec()), {"age": 50.0}) == {feature_index("age"): 0.0}


@given(hostile_arms)
def test_arms_have_unique_finite_features_and_their_identity(arm):
    named = arm_features(arm)
    names = [name for name, _ in named]
    assert names[0] == f"arm={escape(arm.key)}"
    assert len(set(names)) == len(names)
    assert np.isfinite([value for _, value in named]).all()


def test_arms_share_what_they_have_in_common():
    small, large = (
        dict(arm_features(Arm(f"bogo-{n}", "bogo", "coupon", n, attributes={"hour": 9}))) for n in (5.0, 7.0)
    )
    assert {"event_type=bogo", "reward_kind=coupon", "amount", "amount~3", "attribute.hour"} == set(small) & set(large)


@given(st.lists(st.dictionaries(hostile_text, scalars, max_size=4), max_size=6))
def test_moments_survive_their_state(rows):
    encoder = Encoder(FeatureSpec(), Scaler())
    for row in rows:
        encoder.observe(row)
    again = Scaler.restore(encoder.scaler.state())
    assert again.state() == encoder.scaler.state()
    assert all(again.shift_and_scale(name) == encoder.scaler.shift_and_scale(name) for name in again.moments)
