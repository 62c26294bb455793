"""Whether the arms of a log were drawn as its spec says."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import chdtrc, gammainc, gammaincc, stdtr

from offline_eval.ab.checks.check import CheckResult, Status
from offline_eval.ab.logged.gathering import Tally
from offline_eval.logs.batch import Floats
from offline_eval.logs.log import Log

LIMIT = 0.001

ONE_ARM = "one arm: there is no share that could be wrong"


@dataclass(frozen=True)
class Mismatch:
    """Of a finished log; p_value None where the shares have nothing to be tested against, or no fault could show."""

    p_value: float | None
    detail: str

    @property
    def found(self) -> bool:
        """Whether chance is ruled out at one in a thousand."""
        return self.p_value is not None and self.p_value < LIMIT

    def as_dict(self) -> dict[str, Any]:
        """The contract's form, with a sentence."""
        return {"p_value": self.p_value, "mismatch": self.found, "detail": self.detail}

    def as_check(self) -> CheckResult:
        """The contract's line among the checks."""
        status: Status = "failed" if self.found else "too_few" if self.p_value is None else "ok"
        return CheckResult("sample_ratio", status, self.p_value, self.detail)


def mismatch(log: Log, tally: Tally) -> Mismatch:
    """Pearson's χ² against equal shares; against other probabilities, each arm's Σ 1/p must be its chances, on average.

    Both at one look: a log is finished. For a running experiment there are `checks.SampleRatio` and `AdaptiveRatio`.
    Passes only where it could have failed: where an arm that got nobody would have been found.
    """
    spec = log.spec.propensity
    if len(log.arms) < 2:
        return Mismatch(None, ONE_ARM)
    if spec.estimate:
        return Mismatch(None, "probabilities were estimated from the log: nothing to test them against")
    if spec.within is not None:
        return Mismatch(None, "probabilities are the log's own shares: nothing to test them against")
    if log.clustered:
        return _between_units(log, tally)
    if spec.uniform and not log.spec.eligible:
        return _chi_square(log, tally)
    return _weights(log, tally)


def _chi_square(log: Log, tally: Tally) -> Mismatch:
    expected = tally.n / len(log.arms)
    statistic = float(((tally.counts - expected) ** 2 / expected).sum()) if tally.n else 0.0
    others = len(log.arms) - 1
    worst = int(np.argmax(np.abs(tally.counts - expected)))
    share = tally.counts[worst] / max(tally.n, 1)
    detail = f"farthest off: {log.keys[worst]} {share:.2%} (meant {1 / len(log.arms):.2%})"
    # Without one arm, and the others alike, the statistic would be n / (K - 1).
    return _judged(float(chdtrc(others, statistic)), float(chdtrc(others, tally.n / others)), detail)


def _judged(p_value: float, clearest: float, detail: str) -> Mismatch:
    """`clearest`: the p-value that the clearest fault would have in as many rows. That it would not show is no pass."""
    if p_value >= LIMIT and clearest >= LIMIT:
        return Mismatch(None, f"too few rows: even an arm that got nobody would not show; {detail}")
    return Mismatch(p_value, detail)


def _gamma_p_values(weights: Floats, variance: Floats, chances: Floats, largest: Floats) -> Floats:
    """Of Σ 1/p against its mean: a gamma law with the variance found, and one more draw of the largest weight below.

    Small probabilities make the sum skewed: mostly it is too low, with a variance that is too low as well (see
    `few_events.beta_limits`).
    """
    raised, wider = weights + largest, variance + largest**2
    below = gammaincc(raised**2 / wider, chances * raised / wider)
    above = gammainc(weights**2 / variance, chances * weights / variance)
    return np.asarray(np.minimum(2 * np.minimum(below, above), 1.0))


def _between_units(log: Log, tally: Tally) -> Mismatch:
    """Σ 1{A = a}/p against its chances, units taken as independent whatever their rows share; Bonferroni over arms.

    Student's t with the effective number of units that the excess comes from, less one.
    """
    squares = (tally.excess**2).sum(axis=1)
    fourth = (tally.excess**4).sum(axis=1)
    usable = np.flatnonzero((squares > 0) & (fourth > 0))
    freedom = squares[usable] ** 2 / fourth[usable] - 1
    usable, freedom = usable[freedom >= 1], freedom[freedom >= 1]
    if not len(usable):
        return Mismatch(None, "too few units to test the shares of arms")
    t = tally.excess[usable].sum(axis=1) / np.sqrt(squares[usable])
    p_values = 2 * stdtr(freedom, -np.abs(t))
    worst = usable[int(np.argmin(p_values))]
    detail = f"farthest off: {log.keys[worst]}, Σ 1/p {tally.weights[worst]:.0f} for {tally.chances[worst]:.0f} chances"
    # An arm that no unit got has t² = the effective number of units.
    clearest = float((2 * stdtr(freedom, -np.sqrt(freedom + 1))).min() * len(usable))
    return _judged(min(1.0, float(p_values.min() * len(usable))), clearest, f"{detail}; units counted, not rows")


def _weights(log: Log, tally: Tally) -> Mismatch:
    """Σ 1{A = a}/p has mean Σ 1{a eligible}; by arm with its own variance, Bonferroni over arms."""
    # Σ w² - Σ w estimates Σ (1/p - 1), the variance of Σ 1{A = a}/p given the contexts.
    drawn = tally.counts > 0
    variance = np.maximum(tally.squares - tally.weights, 0.0)
    usable = drawn & (variance > 0)
    if not usable.any():
        return Mismatch(None, "every arm had probability 1: nothing to test")
    sums = tally.weights[usable], variance[usable], tally.chances[usable], 1 / tally.least[usable]
    p_values = _gamma_p_values(*sums)
    p_value = min(1.0, float(p_values.min() * usable.sum()))
    worst = np.flatnonzero(usable)[int(np.argmin(p_values))]
    detail = f"farthest off: {log.keys[worst]}, Σ 1/p {tally.weights[worst]:.0f} for {tally.chances[worst]:.0f} chances"
    if p_value < LIMIT and not (log.spec.eligible or log.spec.pmf):
        detail += (
            "; either the probabilities are wrong, or it could not be drawn everywhere: name log.eligible or log.pmf"
        )
    # Draws are about as many as were expected, of which none comes with chance exp(-draws).
    clearest = float(2 * usable.sum() * np.exp(-tally.counts[usable].max()))
    return _judged(p_value, clearest, detail)
