"""Quantiles of differences and ratios of posteriors."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.special import ndtri

from offline_eval.ab.posterior import LEVELS, NormalFamily, Posterior


@dataclass
class Counted:
    """A normal distribution that counts how often it is asked."""

    family: NormalFamily
    asked: list[int] = field(default_factory=list)

    def cdf(self, x):
        self.asked.append(len(x))
        return self.family.cdf(x)

    def quantile(self, p):
        return self.family.quantile(p)

    def shortfall(self, x):
        return self.family.shortfall(x)


def normal(centre, error):
    family = Counted(NormalFamily(centre, error))
    return Posterior(family, centre, family.quantile(LEVELS))


@pytest.mark.parametrize("p", [0.025, 0.5, 0.975])
def test_a_difference_of_normals_is_normal(p):
    found = normal(3.0, 0.3).difference_quantile(normal(1.0, 0.4), p)
    assert found == pytest.approx(2.0 + 0.5 * ndtri(p), abs=1e-9)


@pytest.mark.parametrize("p", [0.025, 0.5, 0.975])
@pytest.mark.parametrize("centre", [0.01, 1.0, 40.0])
def test_a_ratio_is_fiellers_and_takes_few_steps_however_far_from_one(p, centre):
    """P(T ≤ r C) = Φ((r c - t) / √(s² + r² e²)) where C is positive."""
    top, bottom = normal(centre, 0.02 * centre), normal(1.0, 0.05)
    found = top.ratio_quantile(bottom, p)
    assert (found - centre) / np.hypot(0.02 * centre, found * 0.05) == pytest.approx(ndtri(p), abs=1e-7)
    assert len(top.family.asked) <= 20
