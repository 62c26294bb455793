"""Are probabilities what they say, and do they rank? Reliability by bins, expected calibration error, AUC."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from offline_eval.ab.proportion import clopper_pearson
from offline_eval.activity.histories import Floats
from offline_eval.estimate import Estimate

Truths = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of units by their probability: its range, the mean probability and the share observed, with limits."""

    n: int
    least: float
    most: float
    predicted: float
    observed: float
    lower: float
    upper: float


def reliability(probability: Floats, truth: Truths, bins: int = 10, alpha: float = 0.05) -> list[Bin]:
    """Bins of equal counts from the lowest probability up; the shares' limits are exact (Clopper & Pearson 1934)."""
    order = np.argsort(probability, kind="stable")
    made = []
    for members in np.array_split(order, bins):
        if not len(members):
            continue
        chances, share = probability[members], clopper_pearson(int(truth[members].sum()), len(members), alpha)
        ends = float(chances[0]), float(chances[-1]), float(chances.mean())
        made.append(Bin(len(members), *ends, share.value, share.lower, share.upper))
    return made


def calibration_error(bins: list[Bin]) -> float:
    """Expected calibration error: the mean gap between predicted and observed, weighted by the bins' counts."""
    return sum(each.n * abs(each.predicted - each.observed) for each in bins) / sum(each.n for each in bins)


def log_loss(probability: Floats, truth: Truths) -> float:
    """Mean negative log likelihood of the truth."""
    chances = np.clip(probability, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(truth, np.log(chances), np.log1p(-chances))))


def auc(score: Floats, truth: Truths) -> float:
    """P(a unit that came scores above one that did not), ties half: Mann & Whitney (1947)."""
    came = int(truth.sum())
    ranks = scipy.stats.rankdata(score)
    return float((ranks[truth].sum() - came * (came + 1) / 2) / (came * (len(truth) - came)))


def auc_difference(score: Floats, other: Floats, truth: Truths, alpha: float = 0.05) -> Estimate:
    """AUC(score) - AUC(other) on the same units, with DeLong, DeLong & Clarke-Pearson's (1988) interval."""
    placements = [_placements(each, truth) for each in (score, other)]
    came = placements[0][0] - placements[1][0]
    stayed = placements[0][1] - placements[1][1]
    gap = float(came.mean())
    half = float(scipy.stats.norm.ppf(1 - alpha / 2)) * float(
        np.sqrt(came.var(ddof=1) / len(came) + stayed.var(ddof=1) / len(stayed))
    )
    return Estimate(gap, gap - half, gap + half, len(truth), float(len(truth)), "delong", alpha)


def _placements(score: Floats, truth: Truths) -> tuple[Floats, Floats]:
    """For each unit the share of the other class that it is ranked rightly against (n₁,), (n₀,)."""
    ranks = scipy.stats.rankdata(score)
    came, stayed = int(truth.sum()), int((~truth).sum())
    among_came, among_stayed = scipy.stats.rankdata(score[truth]), scipy.stats.rankdata(score[~truth])
    return (ranks[truth] - among_came) / stayed, 1.0 - (ranks[~truth] - among_stayed) / came
