"""Groups as the product keeps them: rows of units, and sums by bucket of units."""

import numpy as np

from benchmarks.claims.laws import Law
from offline_eval.ab.bucketed import Bucketed
from offline_eval.ab.sample import VALUE, Sample

BUCKETS = 256


def sample_of(values: np.ndarray, law: Law) -> Sample:
    """Rows of one group, with what is known of their range, and of the whole column: a share or not."""
    return Sample.of(values).with_share(law.binary).within(law.limits)


def running_samples(values: np.ndarray, ends: np.ndarray, law: Law) -> list[Sample]:
    """The group after its first `ends` units, one for each look, from running sums."""
    sums = [np.concatenate([[0.0], np.cumsum(column)]) for column in (values, values**2, values**3, values != 0)]
    n, events, found = ends.tolist(), sums[3][ends], []
    for size, y, yy, yyy, hits in zip(n, *(column[ends].tolist() for column in sums[:3]), events, strict=True):
        mean = y / size if size else 0.0
        scatter = np.array([[max(yy - size * mean * mean, 0.0)]])
        cubes = yyy - 3 * mean * yy + 2 * size * mean**3
        kept = Sample((VALUE,), size, np.array([mean]), scatter, int(hits), law.binary, cubes=cubes)
        found.append(kept.within(law.limits))
    return found


def limits_of(law: Law, units: int, rounds: int) -> tuple[float, float] | None:
    """Of a unit's total: its cap, or that of a 0/1 outcome of one decision; of more decisions there is none."""
    return None if law.binary and rounds > units else law.limits


def bucketed_of(
    totals: np.ndarray, sizes: np.ndarray, weights: np.ndarray, counts: tuple[int, int, float], law: Law
) -> Bucketed:
    """Sums (S, B) of one group; `counts` are its decisions, its units and the decisions that are not 0."""
    rounds, units, hits = counts
    return Bucketed(totals, sizes, weights, rounds, units, law.binary, hits, limits_of(law, units, rounds))
