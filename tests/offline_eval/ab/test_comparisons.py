"""One suite for everything in COMPARISONS."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.contrast import Contrast
from offline_eval.ab.errors import ComparisonError, SampleError
from offline_eval.ab.sample import Sample
from tests.examples import few

EVERY = pytest.mark.parametrize("name", COMPARISONS)
GENERAL = pytest.mark.parametrize("name", [name for name in COMPARISONS if "binary" not in COMPARISONS[name].needs])
TWO_SIDED = [name for name in COMPARISONS if name != "non_inferiority"]


def metric_for(name: str) -> str:
    return "binary" if "binary" in COMPARISONS[name].needs else "money"


def numbers(contrast: Contrast) -> list[float | None]:
    absolute, relative = contrast.absolute, contrast.relative
    return [
        *(absolute.value, absolute.lower, absolute.upper),
        *(relative.value, relative.lower, relative.upper, contrast.p_value),
    ]


def assert_same(one: Contrast, other: Contrast, rel: float = 1e-7) -> None:
    for a, b in zip(numbers(one), numbers(other), strict=True):
        assert (a is None) == (b is None)
        assert a is None or math.isclose(a, b, rel_tol=rel, abs_tol=1e-9)


@EVERY
def test_name_is_its_key_and_claims_are_stated(name):
    comparison = COMPARISONS[name]
    assert comparison.name == name
    assert len(comparison.claims) > 20
    assert comparison.__doc__


@EVERY
def test_parts_merged_equal_all_at_once(name, make_columns, to_sample):
    columns = make_columns(1, 700, 0.1, metric_for(name))
    control = to_sample(make_columns(2, 500, 0.0, metric_for(name)))
    parts = [
        to_sample({key: column[cut] for key, column in columns.items()}) for cut in (slice(0, 13), slice(13, None))
    ]
    whole = to_sample(columns)
    assert_same(COMPARISONS[name]().compare(parts[0] + parts[1], control), COMPARISONS[name]().compare(whole, control))


@EVERY
def test_replicating_the_sample_never_widens(name, make_group):
    treated, control = make_group(3, 600, 0.1, metric_for(name)), make_group(4, 600, 0.0, metric_for(name))
    once = COMPARISONS[name]().compare(treated, control)
    twice = COMPARISONS[name]().compare(treated + treated, control + control)
    for one, two in ((once.absolute, twice.absolute), (once.relative, twice.relative)):
        if one.lower is not None:
            assert two.lower is not None and two.value is not None and one.value is not None
            assert two.value - two.lower <= (one.value - one.lower) * (1 + 1e-9) + 1e-12
        if one.upper is not None and one.value is not None:
            assert two.upper is not None and two.value is not None
            assert two.upper - two.value <= (one.upper - one.value) * (1 + 1e-9) + 1e-12


@GENERAL
@few(15)
@given(scale=st.floats(0.01, 1000), seed=st.integers(0, 50))
def test_scale_equivariance(name, scale, seed, make_columns, to_sample):
    groups = [make_columns(seed, 400, 0.1, "money"), make_columns(seed + 100, 300, 0.0, "money")]
    plain = COMPARISONS[name]().compare(*[to_sample(columns) for columns in groups])
    scaled = COMPARISONS[name]().compare(
        *[to_sample(columns | {"value": columns["value"] * scale}) for columns in groups]
    )
    tolerance = 0.03 if "sketch" in COMPARISONS[name].needs else 1e-6
    for a, b in zip(numbers(plain)[:3], numbers(scaled)[:3], strict=True):
        assert (a is None) == (b is None)
        assert a is None or math.isclose(a * scale, b, rel_tol=tolerance, abs_tol=tolerance * scale * 10)


SHIFTING = [name for name in TWO_SIDED if not COMPARISONS[name].needs - {"covariates"}]


@pytest.mark.parametrize("name", SHIFTING)
@few(15)
@given(shift=st.floats(-100, 100), seed=st.integers(0, 50))
def test_difference_is_shift_invariant(name, shift, seed, make_columns, to_sample):
    groups = [make_columns(seed, 400, 0.1, "money"), make_columns(seed + 100, 300, 0.0, "money")]
    plain = COMPARISONS[name]().compare(*[to_sample(columns) for columns in groups])
    shifted = COMPARISONS[name]().compare(
        *[to_sample(columns | {"value": columns["value"] + shift}) for columns in groups]
    )
    for a, b in zip(numbers(plain)[:3], numbers(shifted)[:3], strict=True):
        assert a == pytest.approx(b, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", TWO_SIDED)
def test_swapping_groups_mirrors_the_difference(name, make_group):
    one, other = make_group(5, 500, 0.1, metric_for(name)), make_group(6, 300, 0.0, metric_for(name))
    forth, back = COMPARISONS[name]().compare(one, other), COMPARISONS[name]().compare(other, one)
    assert forth.absolute.value == pytest.approx(-back.absolute.value, abs=1e-12)
    assert forth.absolute.lower == pytest.approx(-back.absolute.upper, abs=1e-6)
    if forth.p_value is not None:
        assert forth.p_value == pytest.approx(back.p_value, abs=1e-9)


@EVERY
def test_smaller_alpha_is_wider(name, make_group):
    pair = make_group(7, 500, 0.1, metric_for(name)), make_group(8, 500, 0.0, metric_for(name))
    tight, wide = (COMPARISONS[name](alpha=alpha).compare(*pair).absolute for alpha in (0.1, 0.01))
    assert wide.lower <= tight.lower <= tight.value
    assert (wide.alpha, tight.alpha) == (0.01, 0.1)


@EVERY
@pytest.mark.parametrize("size", [0, 1, 2])
def test_tiny_groups_give_no_number_rather_than_a_wrong_one(name, size, make_columns, to_sample):
    columns = make_columns(9, 300, 0.0, metric_for(name))
    tiny = to_sample({key: column[:size] for key, column in columns.items()})
    try:
        contrast = COMPARISONS[name]().compare(tiny, to_sample(columns))
    except ComparisonError:
        return
    for number in numbers(contrast):
        assert number is None or math.isfinite(number)
    if size < 2 and name not in ("exact", "bayes"):
        assert contrast.absolute.lower is None


@EVERY
@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_constant_values_never_give_an_empty_interval_that_claims_certainty(name, constant, make_columns, to_sample):
    columns = make_columns(10, 300)
    flat = to_sample(columns | {"value": np.full(300, constant), "denominator": np.ones(300)})
    contrast = COMPARISONS[name]().compare(flat, flat)
    lower, upper = contrast.absolute.lower, contrast.absolute.upper
    assert lower is None or name == "quantile" or lower < 0
    assert upper is None or name == "quantile" or upper > 0


@EVERY
def test_missing_needs_are_refused_by_name(name):
    needs = COMPARISONS[name].needs
    bare = Sample.of([0.5, 1.5, 2.5] * 30)
    if not needs:
        COMPARISONS[name]().compare(bare, bare)
        return
    with pytest.raises(ComparisonError, match=next(iter(needs))):
        COMPARISONS[name]().compare(bare, bare)


@EVERY
def test_json_form_is_the_contracts(name, make_group):
    pair = make_group(11, 400, 0.1, metric_for(name)), make_group(12, 400, 0.0, metric_for(name))
    document = COMPARISONS[name]().compare(*pair).as_dict()
    assert {"absolute", "relative", "p_value"} <= document.keys()
    assert document["absolute"].keys() == {"value", "lower", "upper", "n", "effective_n", "method", "alpha"}
    assert document["absolute"]["method"] == name


def test_samples_of_other_columns_are_not_added():
    with pytest.raises(SampleError):
        Sample.of([1.0]) + Sample.of([1.0], x=[2.0])


def test_not_finite_is_refused():
    with pytest.raises(SampleError):
        Sample.of([1.0, float("nan")])
    with pytest.raises(SampleError):
        Sample.of([1.0, 2.0], x=[1.0])


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.integers(0, 60))
def test_sample_merges_to_numpys_moments(values, cut):
    cut = min(cut, len(values))
    merged = Sample.of(values[:cut]) + Sample.of(values[cut:])
    assert merged.value == pytest.approx(np.mean(values), rel=1e-9, abs=1e-7)
    assert merged.variance == pytest.approx(np.var(values, ddof=1), rel=1e-7, abs=1e-6)
    assert merged.events == np.count_nonzero(values)


def test_a_large_mean_does_not_hide_a_small_variance():
    values = 1e9 + np.random.default_rng(0).normal(size=2000)
    merged = Sample.of(values[:700]) + Sample.of(values[700:])
    assert merged.variance == pytest.approx(np.var(values, ddof=1), rel=1e-6)
