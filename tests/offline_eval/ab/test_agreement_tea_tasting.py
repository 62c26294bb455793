"""The same numbers as tea-tasting wherever it computes the same thing, to 1e-9.

Not the same, and not compared: relative intervals (its are of a logarithm, ours Fieller's), the sample-ratio test (its
holds for one look, ours at every look), and CUPED's slope where the groups' covariates differ by chance: its is of all
units together, ours within groups.
"""

import numpy as np
import pyarrow as pa
import pytest
import tea_tasting as tt

from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.sample import Sample

TIGHT = {"rel": 1e-9, "abs": 1e-12}
RNG = np.random.default_rng(8)
TREATED = (RNG.random(1500) < 0.4).astype(int)
COVARIATE, DECISIONS = RNG.normal(size=1500), RNG.poisson(3, 1500) + 1.0
VALUE = RNG.gamma(2, 1 + 0.2 * TREATED, 1500) + 0.5 * COVARIATE + 0.3 * DECISIONS
EVEN = COVARIATE - np.where(TREATED, COVARIATE[TREATED == 1].mean(), COVARIATE[TREATED == 0].mean())
"""The covariate with equal means in both groups."""

METRICS = {
    "welch": tt.Mean("value"),
    "large_sample": tt.Mean("value", use_t=False),
    "ratio": tt.RatioOfMeans("value", "decisions"),
    "cuped": tt.Mean("value", "even"),
}
COLUMNS = {"cuped": {"x": EVEN}, "ratio": {"denominator": DECISIONS}}


@pytest.fixture(scope="module")
def theirs() -> tt.experiment.ExperimentResult:
    table = pa.table({"variant": TREATED, "value": VALUE, "decisions": DECISIONS, "even": EVEN})
    return tt.Experiment(METRICS).analyze(table, control=0)


@pytest.mark.parametrize("name", METRICS)
def test_agrees(name: str, theirs: tt.experiment.ExperimentResult) -> None:
    one = theirs[name]
    samples = [
        Sample.of(VALUE[side == TREATED], **{key: x[side == TREATED] for key, x in COLUMNS.get(name, {}).items()})
        for side in (1, 0)
    ]
    mine = COMPARISONS[name]().compare(*samples)
    assert mine.absolute.value == pytest.approx(one.effect_size, **TIGHT)
    assert mine.relative.value == pytest.approx(one.rel_effect_size, **TIGHT)
    if name != "cuped":
        bounds = (one.effect_size_ci_lower, one.effect_size_ci_upper)
        assert (mine.absolute.lower, mine.absolute.upper) == pytest.approx(bounds, **TIGHT)
        assert mine.p_value == pytest.approx(one.pvalue, **TIGHT)
