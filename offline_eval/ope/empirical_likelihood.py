"""Empirical likelihood estimation."""

from offline_eval.intervals.empirical_likelihood import table_of
from offline_eval.intervals.evidence import Evidence, MissingEvidenceError
from offline_eval.intervals.likelihood import tilt
from offline_eval.intervals.rule import default_interval
from offline_eval.ope.bases import WEIGHTS
from offline_eval.ope.cressie_read import functional
from offline_eval.ope.estimator import Estimator


def point(evidence: Evidence) -> float:
    """Σ q w r of the likeliest distribution, plus the missing mass times the mean reward."""
    if evidence.cells is None:
        raise MissingEvidenceError(
            "empirical likelihood needs the table of weights and rewards: gather with cells=True"
        )
    table, product = table_of(evidence.cells, evidence.known)
    beta = tilt(table)[:, None]
    chance = table.count / (table.n[:, None] + beta * (table.weight - 1.0))
    missing = max(0.0, 1.0 - float((chance * table.weight).sum()))
    return float((chance * product).sum()) + missing * float(evidence.moments.means[2])


EMPIRICAL_LIKELIHOOD = Estimator("empirical_likelihood", WEIGHTS, functional, default_interval, point=point)
"""v̂ = Σ q_i w_i r_i, q the distribution of greatest likelihood with mean weight 1.

Karampatziakis, Langford, Mineiro, *Empirical likelihood for contextual bandits*, NeurIPS 2020, section 3. Missing mass
is given the logged mean reward. `functional` is its linearisation (regression on w), which differences of policies
use.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
