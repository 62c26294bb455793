"""What a readout compares with unless it is told."""

from dataclasses import replace

import numpy as np

from offline_eval.ab.choosing import comparison_for
from offline_eval.ab.limits import UNLIMITED
from offline_eval.ab.sample import Sample


def pareto(rng, n):
    return (1 - rng.random(n)) ** (-1 / 1.7)


def test_skewed_amounts_without_a_limit_have_no_bounds():
    """Welch's interval was wrong in a sixth of campaigns with 25 people in one group."""
    rng = np.random.default_rng(1)
    treated, control = (Sample.of(pareto(rng, n)) for n in (25, 425))
    found = comparison_for(treated, control, running=False).compare(treated, control)
    assert (found.absolute.lower, found.relative.lower, found.p_value, found.note) == (None, None, None, UNLIMITED)
    assert found.absolute.value == treated.value - control.value


def test_what_is_limited_or_hardly_skewed_is_compared():
    rng = np.random.default_rng(2)
    limited = [Sample.of(np.minimum(pareto(rng, n), 9.0)).within((0.0, 9.0)) for n in (300, 400)]
    normal = [Sample.of(rng.normal(5, 1, 400)) for _ in range(2)]
    for treated, control in (limited, normal):
        found = comparison_for(treated, control, running=False).compare(treated, control)
        assert found.absolute.lower is not None


def test_an_arm_in_which_nobody_paid_proves_nothing_about_rare_payments():
    """3,000 zeros against amounts: a payment of 20,000 by one in 1,500 would not have been seen."""
    rng = np.random.default_rng(3)
    paid = Sample.of(np.where(rng.random(3000) < 0.3, rng.normal(21, 2, 3000), 0.0))
    nobody = Sample.of(np.zeros(3000)).within(None)
    nobody = replace(nobody, binary=False)
    for pair in ((paid, nobody), (nobody, paid)):
        found = comparison_for(*pair, running=False).compare(*pair)
        assert (found.absolute.lower, found.absolute.upper, found.p_value) == (None, None, None)
    limited = [each.within((0.0, 60.0)) for each in (paid, nobody)]
    assert comparison_for(*limited, running=False).compare(*limited).absolute.lower is not None
