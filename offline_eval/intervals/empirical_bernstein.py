"""Empirical Bernstein interval for a mean of bounded terms."""

import math

from offline_eval.intervals.evidence import Evidence, MissingEvidenceError, Range, interval


@interval()
def empirical_bernstein(evidence: Evidence, alpha: float) -> Range:
    """v ± (√(2 s² ln(4/α) / n) + 7 R ln(4/α) / (3 (n - 1))), R the range of one row's term.

    Maurer & Pontil, *Empirical Bernstein bounds and sample variance penalization*, COLT 2009, theorem 4, on both sides.
    Holds at every n for a fixed number of independent rows and an estimator that is a mean of bounded terms; raises
    MissingEvidenceError where the range is unknown. Wide where the range is large (docs/results/coverage.md).
    """
    if evidence.term_range is None:
        raise MissingEvidenceError("empirical Bernstein needs a bounded term: known reward range and weight bounds")
    if evidence.known.clustered:
        raise MissingEvidenceError("empirical Bernstein needs independent rows; units have many rows here")
    n = evidence.moments.n
    if n < 2:
        return evidence.term_range
    low, high = evidence.term_range
    centre = float(evidence.functional.value(evidence.moments.means))
    variance = n * evidence.moments.error_along(evidence.functional.gradient(evidence.moments.means)) ** 2
    log_term = math.log(4.0 / alpha)
    half = math.sqrt(2 * variance * log_term / n) + 7 * (high - low) * log_term / (3 * (n - 1))
    return max(low, centre - half), min(high, centre + half)
