"""Contrasts between arms whose shares moved with what was seen. To add one: a function, a line in ARM_CONTRASTS."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from offline_eval.ab.adaptive.arm_contrast import ArmContrast, events_of, too_few
from offline_eval.ab.adaptive.cells import CHOSEN, REWARD, SQUARES, Cells, Floats
from offline_eval.ab.adaptive.scores import PairOfArms, Scores, Stack
from offline_eval.ab.fieller import Means, relative_lift
from offline_eval.ab.sequential import BURN_IN, mixture_critical, mixture_p_value
from offline_eval.estimate import Estimate

AIM = 4.0
"""The sequence is tightest at this many times the information it had when its burn-in ended."""

ArmComparison = Callable[[Cells | Stack, str, str | None, float], ArmContrast]
"""(cells, arm, control or None, alpha) → contrast."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    means: Means
    critical: float
    p_value: float


def naive(cells: Cells | Stack, arm: str, control: str | None = None, alpha: float = 0.05) -> ArmContrast:
    """Difference of the drawn rounds' plain means, with a t interval. **Claims nothing** under adaptive shares.

    Shown beside the others only: under adaptive allocation an arm's mean is biased (Nie, Tian, Taylor & Zou 2018,
    *Why adaptively collected data have negative bias and how to correct for it*, AISTATS).
    """
    found = PairOfArms.of(cells, arm, control).difference
    top = _plain_mean(cells, arm)
    bottom = (0.0, 0.0) if control is None else _plain_mean(cells, control)
    if top is None or bottom is None:
        return too_few(found, "naive", alpha, None)
    means = Means(top[0], bottom[0], top[1], bottom[1])
    return _state(found, _fixed_look(found, means, alpha), "naive", alpha, control is not None)


def aipw(cells: Cells | Stack, arm: str, control: str | None = None, alpha: float = 0.05) -> ArmContrast:
    """Mean of the scores, each snapshot weighing as many as its rounds; t interval for one look.

    Augmented inverse-propensity scores (Robins, Rotnitzky & Zhao 1994) with the past's model; unbiased, but its
    studentised form need not be normal when probabilities collapse: prefer `adaptively_weighted`.
    """
    pair = PairOfArms.of(cells, arm, control)
    found = pair.difference
    means = _weighted_means(pair, np.ones(len(found.n)))
    return _state(found, _fixed_look(found, means, alpha), "aipw", alpha, control is not None)


def adaptively_weighted(cells: Cells | Stack, arm: str, control: str | None = None, alpha: float = 0.05) -> ArmContrast:
    """Σ hₜ Γᵢ / Σ hₜ nₜ with hₜ = (mean of 1/p in snapshot t)^(-1/2); t interval for one look.

    The variance-stabilising non-contextual weights of Zhan, Hadad, Hirshberg & Athey (2021), *Off-policy evaluation via
    adaptive weighting with data from contextual bandits*, KDD, sections 3-4 (StableVar), one weight per snapshot, so
    that the sums stay mergeable. The weight looks at contexts and probabilities, never at rewards. Where the arm's mean
    drifts in time, the estimand is the mean weighted so.
    """
    pair = PairOfArms.of(cells, arm, control)
    found = pair.difference
    means = _weighted_means(pair, _stabilising(found))
    return _state(found, _fixed_look(found, means, alpha), "adaptively_weighted", alpha, control is not None)


def arm_sequence(cells: Cells | Stack, arm: str, control: str | None = None, alpha: float = 0.05) -> ArmContrast:
    """The stabilised estimate with an asymptotic confidence sequence: may be looked at after every snapshot.

    Waudby-Smith et al. (2024), theorem 2.5 (martingale form): S ± √((V ρ² + 1)/ρ² · ln((V ρ² + 1)/α²)), V the sum of
    squared weighted deviations; ρ² is fixed by V at the end of the burn-in, so that merging and scaling change nothing.
    Burn-in: 50 expected events of the scarcer arm. The relative bounds use the difference's critical value.
    """
    pair = PairOfArms.of(cells, arm, control)
    found = pair.difference
    weights = _stabilising(found)
    ended = np.flatnonzero(found.expected_events >= BURN_IN)
    if not len(ended):
        return too_few(found, "arm_sequence", alpha, _weighted(found, weights)[0] if found.rounds else None)
    means = _weighted_means(pair, weights)
    gathered = np.cumsum(weights**2 * _deviations(found, _weighted(found, weights)[0]))
    time = float(gathered[-1] / gathered[ended[0]]) if gathered[ended[0]] > 0 else 1.0
    p_value = mixture_p_value(_z(means), time, alpha, AIM)
    verdict = _Verdict(means, mixture_critical(time, alpha, AIM), p_value)
    return _state(found, verdict, "arm_sequence", alpha, control is not None)


def _plain_mean(cells: Cells | Stack, arm: str) -> tuple[float, float] | None:
    place = cells.arms.index(arm)
    row = cells.total()[place]
    drawn = int(row[CHOSEN])
    if drawn < 2:
        return None
    mean = float(row[REWARD]) / drawn
    return mean, max(float(row[SQUARES]) / drawn - mean * mean, 0.0) / (drawn - 1)


def _stabilising(found: Scores) -> Floats:
    return np.asarray(found.inverse**-0.5)


def _deviations(found: Scores, value: float) -> Floats:
    """(T,) Σ (Γᵢ - value)²."""
    return np.asarray(np.maximum(found.squares - 2 * value * found.total + value * value * found.n, 0.0))


def _weighted(found: Scores, weights: Floats) -> tuple[float, float]:
    """(Σ h Γ / Σ h n, its variance)."""
    mass = float(weights @ found.n)
    if mass == 0:
        return 0.0, 0.0
    value = float(weights @ found.total) / mass
    return value, float(weights**2 @ _deviations(found, value)) / mass**2


def _weighted_means(pair: PairOfArms, weights: Floats) -> Means:
    """Both arms' means where both were eligible; their covariance from the variance of the difference."""
    top, top_variance = _weighted(pair.top, weights)
    if pair.bottom is None:
        return Means(top, 0.0, top_variance, 0.0)
    bottom, bottom_variance = _weighted(pair.bottom, weights)
    variance = _weighted(pair.difference, weights)[1]
    return Means(top, bottom, top_variance, bottom_variance, (top_variance + bottom_variance - variance) / 2)


def _error(means: Means) -> float:
    return math.sqrt(max(means.top_variance + means.bottom_variance - 2 * means.covariance, 0.0))


def _z(means: Means) -> float:
    error = _error(means)
    return (means.top - means.bottom) / error if error else 0.0


def _fixed_look(found: Scores, means: Means, alpha: float) -> _Verdict:
    """Student's t with the scarcer arm's expected events as degrees of freedom: the normal one is a little narrow."""
    freedom = max(events_of(found), 1.0)
    return _Verdict(means, float(stdtrit(freedom, 1 - alpha / 2)), 2 * float(stdtr(freedom, -abs(_z(means)))))


def _state(found: Scores, verdict: _Verdict, method: str, alpha: float, versus: bool) -> ArmContrast:
    """The contrast, or "too few"."""
    value, half = verdict.means.top - verdict.means.bottom, verdict.critical * _error(verdict.means)
    if events_of(found) < BURN_IN or half == 0:
        # Of an arm that was never drawn a score knows nothing but its reward model's prior.
        return too_few(found, method, alpha, value if found.chosen else None)

    def estimate(centre: float, lower: float | None, upper: float | None) -> Estimate:
        return Estimate(centre, lower, upper, found.rounds, float(found.chosen), method, alpha)

    relative = None
    if versus and verdict.means.bottom:
        lift = relative_lift(verdict.means, verdict.critical)
        relative = estimate(value / abs(verdict.means.bottom), lift.lower, lift.upper)
    absolute = estimate(value, value - half, value + half)
    return ArmContrast(absolute, relative, verdict.p_value, found.share, events_of(found))


ARM_CONTRASTS: dict[str, ArmComparison] = {
    "arm_sequence": arm_sequence,
    "adaptively_weighted": adaptively_weighted,
    "aipw": aipw,
    "naive": naive,
}
