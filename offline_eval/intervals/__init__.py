"""Intervals for off-policy values: one file each, this dict, and the rule that chooses one.

To add one: write `offline_eval/intervals/NAME.py` with a function from (evidence, alpha) to bounds under `@interval`,
which says whether it holds at every look, needs the rows in order, or holds for many rows only; say in its
docstring what it claims, which table of docs/results measured it and where it was below 93 %, add its line here; the
conformance suite takes it up.
"""

from offline_eval.intervals.asymptotic_cs import asymptotic_cs
from offline_eval.intervals.bootstrap import bootstrap
from offline_eval.intervals.cressie_read import cressie_read
from offline_eval.intervals.empirical_bernstein import empirical_bernstein
from offline_eval.intervals.empirical_bernstein_cs import empirical_bernstein_cs
from offline_eval.intervals.empirical_likelihood import empirical_likelihood
from offline_eval.intervals.evidence import Interval
from offline_eval.intervals.gamma import gamma
from offline_eval.intervals.gamma_exponential_cs import gamma_exponential_cs
from offline_eval.intervals.merged_cs import merged_cs
from offline_eval.intervals.normal import normal
from offline_eval.intervals.trivial import trivial

INTERVALS: dict[str, Interval] = {
    "normal": normal,
    "bootstrap": bootstrap,
    "empirical_bernstein": empirical_bernstein,
    "gamma": gamma,
    "cressie_read": cressie_read,
    "empirical_likelihood": empirical_likelihood,
    "gamma_exponential_cs": gamma_exponential_cs,
    "empirical_bernstein_cs": empirical_bernstein_cs,
    "merged_cs": merged_cs,
    "asymptotic_cs": asymptotic_cs,
    "trivial": trivial,
}
