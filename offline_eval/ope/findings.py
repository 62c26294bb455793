"""Diagnostics as numbers that a page can show, computed from the tallies."""

from dataclasses import asdict, dataclass

import numpy as np
import scipy

from offline_eval.intervals.known import Known, Weights
from offline_eval.moments import Matrix
from offline_eval.ope.diagnostics import Tallies
from offline_eval.shares import drift_of

THIN_SEGMENT = 0.05
"""A segment lacks support where more than this share of the target's mass in it is on arms never logged there."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Diagnostics of one target policy on one log.

    Attributes:
        effective_n, effective_share: Kish's effective sample size, and per row; people of several rows count as people.
        people: effective number of people; None where every row stands for itself.
        informative_n, forced_share: the same size from rows where more than one arm could be drawn, and the share of
            the others, which show nothing of another policy.
        largest_weights, largest_share: the ten largest weights; the largest one's share of their sum.
        mean_weight, mean_weight_p: mean weight, and p-value of the test that its expectation is 1.
        arm_calibration: by arm, observed over expected frequency; None where nothing was expected.
        arm_p, calibration_p: p-value by arm, and overall (Bonferroni).
        unsupported_arms: arms that the target wants and the log never has.
        unsupported_share: share of the target's mass without support.
        unsupported_segments: codes of segments that lack support.
        reward_drift_p, reward_drift: test of equal mean rewards over periods; spread of the period means relative to
        the mean, 0 with a single period.
        arm_drift_p, arm_drift: test of equal arm shares over periods (expected to fail on the log of a learning
        policy), and Cramér's V of their drift.
        fallback_share: share of the rows where the arm that the policy wanted was not eligible.
        places: names of the segments or strata of `unsupported_segments`.
    """

    n: int
    effective_n: float
    effective_share: float
    people: float | None
    informative_n: float
    forced_share: float
    largest_weights: tuple[float, ...]
    largest_share: float
    mean_weight: float
    mean_weight_p: float
    arm_calibration: tuple[float | None, ...]
    arm_p: tuple[float, ...]
    calibration_p: float
    unsupported_arms: tuple[int, ...]
    unsupported_share: float
    unsupported_segments: tuple[int, ...]
    reward_drift_p: float
    reward_drift: float
    arm_drift_p: float
    arm_drift: float
    fallback_share: float = 0.0
    places: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self)


def findings_of(tallies: Tallies, weights: Weights, known: Known | None = None) -> Findings:
    """All diagnostics from mergeable sums; `known` says how many people stand behind the rows."""
    people = None if known is None or known.people is None else known.people.effective
    effective = weights.effective_n if known is None else known.effective_n
    free = tallies.free_weight**2 / tallies.free_squares if tallies.free_squares > 0 else 0.0
    mean, mean_p = _mean_weight(tallies)
    ratio, arm_p = _calibration(tallies)
    share, arms, segments = _support(tallies)
    drift_p, drift = _reward_drift(tallies.period)
    moved = drift_of(tallies.period_arms)
    return Findings(
        n=tallies.n,
        effective_n=effective,
        effective_share=effective / tallies.n,
        people=people,
        informative_n=min(effective, free / (1.0 if known is None else known.effect)),
        forced_share=1.0 - tallies.free / tallies.n,
        largest_weights=weights.largest,
        largest_share=weights.largest_share,
        mean_weight=mean,
        mean_weight_p=mean_p,
        arm_calibration=ratio,
        arm_p=arm_p,
        calibration_p=min(1.0, len(arm_p) * min(arm_p)),
        unsupported_arms=arms,
        unsupported_share=share,
        unsupported_segments=segments,
        reward_drift_p=drift_p,
        reward_drift=drift,
        arm_drift_p=1.0 if moved is None else moved.p_value,
        arm_drift=0.0 if moved is None else moved.strength,
    )


def _two_sided(excess: float, variance: float) -> float:
    if variance <= 1e-12:
        return 1.0 if abs(excess) <= 1e-6 else 0.0
    return float(2.0 * scipy.stats.norm.sf(abs(excess) / np.sqrt(variance)))


def _mean_weight(tallies: Tallies) -> tuple[float, float]:
    n = tallies.n
    mean = tallies.weight / n
    variance = max(tallies.weight_squares / n - mean**2, 0.0) / n
    return mean, _two_sided(mean - 1.0, variance)


def _calibration(tallies: Tallies) -> tuple[tuple[float | None, ...], tuple[float, ...]]:
    """An arm that was never logged says nothing without a logged pmf: its p-value is 1."""
    silent = (tallies.observed == 0) & (tallies.variance == 0)
    pairs = zip(tallies.observed, tallies.expected, strict=True)
    ratio = tuple(float(seen / due) if due > 0 else None for seen, due in pairs)
    excess = np.where(silent, 0.0, tallies.observed - tallies.expected)
    return ratio, tuple(_two_sided(float(e), float(v)) for e, v in zip(excess, tallies.variance, strict=True))


def _support(tallies: Tallies) -> tuple[float, tuple[int, ...], tuple[int, ...]]:
    wanted = tallies.wanted.sum(axis=0)
    total = max(float(wanted.sum()), 1e-300)
    never = tallies.chosen.sum(axis=0) == 0
    arms = tuple(np.flatnonzero(never & (wanted > 1e-9 * total)).tolist())
    share = float(wanted[never].sum()) / total
    if not np.isnan(tallies.unsupported):
        share = max(share, tallies.unsupported / total)
    mass = tallies.wanted.sum(axis=1)
    thin = np.where(tallies.chosen == 0, tallies.wanted, 0.0).sum(axis=1)
    return share, arms, tuple(np.flatnonzero(thin > THIN_SEGMENT * np.maximum(mass, 1e-300)).tolist())


def _reward_drift(period: Matrix) -> tuple[float, float]:
    """Chi-squared test of equal means (Cochran's Q), and the range of the period means over the overall mean."""
    period = period[period[:, 0] > 1]
    if len(period) < 2:
        return 1.0, 0.0
    rows, total, squares = period[:, 0], period[:, 1], period[:, 2]
    means = total / rows
    overall = total.sum() / rows.sum()
    variance = squares.sum() / rows.sum() - overall**2
    if variance <= 0:
        return 1.0, 0.0
    p_value = float(scipy.stats.chi2.sf((rows * (means - overall) ** 2).sum() / variance, len(period) - 1))
    return p_value, float((means.max() - means.min()) / abs(overall)) if overall else 0.0
