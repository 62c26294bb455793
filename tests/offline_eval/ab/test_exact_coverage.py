"""Coverage of the exact comparison's bounds by complete enumeration: no simulation, no luck."""

import numpy as np
import pytest
from scipy.stats import binom

from offline_eval.ab.proportion import clopper_pearson, difference_bounds, ratio_bounds


@pytest.mark.parametrize(("n1", "n0"), [(10, 10), (30, 30), (15, 60)])
def test_bounds_cover_at_least_the_nominal_level(n1, n0):
    tops = [clopper_pearson(k, n1, 0.05) for k in range(n1 + 1)]
    bottoms = [clopper_pearson(k, n0, 0.05) for k in range(n0 + 1)]
    gaps = np.array([[difference_bounds(top, bottom) for bottom in bottoms] for top in tops])
    ratios = np.array([[[b if b is not None else np.inf for b in ratio_bounds(t, u)] for u in bottoms] for t in tops])
    worst = {"difference": 1.0, "ratio": 1.0}
    for p1 in np.linspace(0.02, 0.98, 25):
        for p0 in np.linspace(0.02, 0.98, 25):
            weight = np.outer(binom.pmf(np.arange(n1 + 1), n1, p1), binom.pmf(np.arange(n0 + 1), n0, p0))
            covered = (gaps[..., 0] - 1e-9 <= p1 - p0) & (p1 - p0 <= gaps[..., 1] + 1e-9)
            worst["difference"] = min(worst["difference"], float(weight[covered].sum()))
            covered = (ratios[..., 0] - 1e-9 <= p1 / p0) & (p1 / p0 <= ratios[..., 1] + 1e-9)
            worst["ratio"] = min(worst["ratio"], float(weight[covered].sum()))
    assert worst["difference"] >= 0.95, worst
    assert worst["ratio"] >= 0.95, worst
