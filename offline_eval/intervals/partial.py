"""What is known of a value of which a part was never tried."""

from dataclasses import replace

import numpy as np

from offline_eval.intervals.evidence import Evidence, MissingEvidenceError, Range
from offline_eval.intervals.functional import Functional
from offline_eval.intervals.gamma import gamma
from offline_eval.intervals.normal import normal
from offline_eval.intervals.rule import is_bounded, is_plentiful


def partial(evidence: Evidence, alpha: float) -> Range:
    """Bounds on the value over everybody: an interval for the part that was tried, and for the share u that was not
    everything from the lowest to the highest possible reward.

    Manski, *Nonparametric bounds on treatment effects*, AER 1990: nothing is assumed about what was never tried. Reads
    the basis of weights; the tried part is lowest + mean of w (r - lowest), by the normal interval where there are
    enough events, else the gamma interval. Needs a known reward range. Measured in docs/results/coverage.md,
    "A stratum in which the arm was never tried".
    """
    known = evidence.known
    if known.reward_range is None or not is_bounded(known):
        raise MissingEvidenceError("what was never tried can be bounded only where the rewards' range is known")
    if not is_plentiful(known):
        return gamma(evidence, alpha)
    low, high = known.reward_range
    tried = Functional(np.array([-low, 1.0, 0.0]), constant=low)
    lower, upper = normal(replace(evidence, functional=tried), alpha)
    return lower, upper + known.untried * (high - low)
