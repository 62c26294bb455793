"""A non-asymptotic confidence sequence that needs merged sums only."""

from offline_eval.intervals.evidence import Evidence, MissingEvidenceError, Range, interval
from offline_eval.intervals.gamma_exponential_cs import lower_bound
from offline_eval.intervals.rule import is_bounded


@interval(anytime_valid=True)
def merged_cs(evidence: Evidence, alpha: float) -> Range:
    """The gamma-exponential confidence sequence with the predictable mean x̂ fixed at 0, each side at α/2.

    With x̂ = 0 the wealth of Karampatziakis, Mineiro, Ramdas (ICML 2021) depends on Σ x and Σ x² alone, so parts merge
    and the order of rows does not matter, at the price of the second moment in the variance's place (little for rare
    rewards or heavy weights). Anytime-valid, non-asymptotic; needs a known reward range. Measured under peeking in
    docs/results/coverage.md, and on logs of policies that learn in docs/results/replay_learners.md.
    """
    if evidence.known.reward_range is None or not is_bounded(evidence.known):
        raise MissingEvidenceError("a confidence sequence needs a known reward range")
    if evidence.known.clustered:
        raise MissingEvidenceError("a confidence sequence needs independent rows; units have many rows here")
    low, high = evidence.known.reward_range
    n, (weight, product) = evidence.moments.n, evidence.moments.total[:2]
    squares, mixed, products = evidence.moments.cross[0, 0], evidence.moments.cross[0, 1], evidence.moments.cross[1, 1]
    span = high - low

    def side(origin: float, sign: float) -> float:
        total = sign * (product - origin * weight) / span
        variance = (products - 2 * origin * mixed + origin**2 * squares) / span**2
        return lower_bound(float(total), float(variance), n, alpha / 2)

    return low + span * side(low, 1.0), high - span * side(high, -1.0)
