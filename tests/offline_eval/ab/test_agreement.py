"""The same numbers as scipy and statsmodels wherever they compute the same thing, to 1e-9."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.posterior import best_of, posterior_of
from offline_eval.ab.proportion import clopper_pearson
from offline_eval.ab.sample import Sample

TIGHT = {"rel": 1e-9, "abs": 1e-12}
RNG = np.random.default_rng(20)
TREATED, CONTROL = RNG.lognormal(0.1, 1, 700), RNG.lognormal(0, 0.8, 450)


def test_welch_equals_scipy_and_statsmodels():
    found = COMPARISONS["welch"]().compare(Sample.of(TREATED), Sample.of(CONTROL))
    theirs = stats.ttest_ind(TREATED, CONTROL, equal_var=False)
    low, high = theirs.confidence_interval(0.95)
    assert found.p_value == pytest.approx(theirs.pvalue, **TIGHT)
    assert (found.absolute.lower, found.absolute.upper) == pytest.approx((low, high), **TIGHT)
    compared = CompareMeans(DescrStatsW(TREATED), DescrStatsW(CONTROL)).tconfint_diff(usevar="unequal")
    assert (found.absolute.lower, found.absolute.upper) == pytest.approx(compared, **TIGHT)


def test_large_sample_equals_statsmodels_z():
    found = COMPARISONS["large_sample"]().compare(Sample.of(TREATED), Sample.of(CONTROL))
    means = CompareMeans(DescrStatsW(TREATED), DescrStatsW(CONTROL))
    assert found.p_value == pytest.approx(means.ztest_ind(usevar="unequal")[1], **TIGHT)
    assert (found.absolute.lower, found.absolute.upper) == pytest.approx(means.zconfint_diff(usevar="unequal"), **TIGHT)


@pytest.mark.parametrize("test", ["fisher", "barnard"])
def test_exact_equals_scipy(test):
    found = COMPARISONS["exact"](test=test).compare(Sample.of_counts(9, 25), Sample.of_counts(3, 22))
    function = {"fisher": stats.fisher_exact, "barnard": stats.barnard_exact}[test]
    assert found.p_value == pytest.approx(function([[9, 3], [16, 19]]).pvalue, **TIGHT)


def test_clopper_pearson_equals_statsmodels():
    for events, n in ((0, 10), (3, 17), (10, 10), (421, 16687)):
        mine = clopper_pearson(events, n, 0.05)
        assert (mine.lower, mine.upper) == pytest.approx(proportion_confint(events, n, method="beta"), **TIGHT)


def regression_data() -> tuple[Sample, Sample, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    treatment = (np.arange(900) % 3 == 0).astype(float)
    x = rng.normal(size=(900, 2))
    y = 1 + 0.3 * treatment + x @ [0.7, -0.2] + 0.5 * treatment * x[:, 0] + rng.normal(size=900)
    samples = [Sample.of(y[treatment == g], x0=x[treatment == g, 0], x1=x[treatment == g, 1]) for g in (1, 0)]
    return samples[0], samples[1], y, treatment, x


def test_cuped_equals_the_ols_coefficient():
    treated, control, y, treatment, x = regression_data()
    fit = sm.OLS(y, np.column_stack([np.ones(900), treatment, x])).fit()
    assert COMPARISONS["cuped"]().compare(treated, control).absolute.value == pytest.approx(fit.params[1], **TIGHT)


def test_adjusted_equals_ols_with_interactions():
    treated, control, y, treatment, x = regression_data()
    centred = x - x.mean(axis=0)
    design = np.column_stack([np.ones(900), treatment, centred, centred * treatment[:, None]])
    fit = sm.OLS(y, design).fit()
    assert COMPARISONS["adjusted"]().compare(treated, control).absolute.value == pytest.approx(fit.params[1], **TIGHT)


def test_ratio_with_one_decision_each_equals_the_means_z():
    ones = [Sample.of(column, denominator=np.ones(len(column))) for column in (TREATED, CONTROL)]
    ratio = COMPARISONS["ratio"]().compare(*ones)
    welch = COMPARISONS["welch"]().compare(Sample.of(TREATED), Sample.of(CONTROL))
    assert ratio.absolute.lower == pytest.approx(welch.absolute.lower, **TIGHT)
    assert ratio.relative.upper == pytest.approx(welch.relative.upper, **TIGHT)


def test_bayes_probability_of_being_best_equals_the_closed_form():
    found = COMPARISONS["bayes"]().compare(Sample.of_counts(30, 200), Sample.of_counts(22, 190))
    top, bottom = stats.beta(31, 171), stats.beta(23, 169)
    grid = np.linspace(0, 1, 400_001)
    exact = np.trapezoid(bottom.cdf(grid) * top.pdf(grid), grid)
    loss = np.trapezoid(bottom.sf(grid) * top.cdf(grid), grid)
    assert found.probability_best == pytest.approx(exact, abs=1e-8)
    assert found.expected_loss == pytest.approx(loss, rel=1e-6)


def test_the_best_of_many_equals_simulation_and_of_two_the_pair():
    samples = {"a": Sample.of_counts(40, 300), "b": Sample.of_counts(45, 310), "c": Sample.of_counts(30, 290)}
    found = best_of({name: posterior_of(sample) for name, sample in samples.items()})
    rng = np.random.default_rng(2)
    drawn = np.stack([rng.beta(1 + s.events, 1 + s.n - s.events, 400_000) for s in samples.values()])
    shares = np.bincount(drawn.argmax(axis=0), minlength=3) / drawn.shape[1]
    assert [chance for chance, _ in found.values()] == pytest.approx(shares, abs=0.004)
    losses = (drawn.max(axis=0) - drawn).mean(axis=1)
    assert [loss for _, loss in found.values()] == pytest.approx(losses, rel=0.02)
    pair = best_of({name: posterior_of(samples[name]) for name in ("a", "b")})
    both = COMPARISONS["bayes"]().compare(samples["a"], samples["b"])
    assert pair["a"] == pytest.approx((both.probability_best, both.expected_loss), rel=1e-6)


def test_multiple_tests_equal_statsmodels():
    from offline_eval.ab.multiplicity import ADJUSTMENTS

    p_values = np.random.default_rng(3).random(40) ** 3
    for name, theirs in (("benjamini_hochberg", "fdr_bh"), ("holm", "holm")):
        mine = ADJUSTMENTS[name]({str(i): float(p) for i, p in enumerate(p_values)})
        assert list(mine.values()) == pytest.approx(multipletests(p_values, method=theirs)[1], **TIGHT)
