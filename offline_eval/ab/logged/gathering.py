"""One pass over a log: what a readout needs of it, mergeable with `+`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from offline_eval.ab.logged.sight import TIMES, WHOLE, Pair, Segment, Sight
from offline_eval.ab.logged.sums import PairSums, SideRows, pair_sums
from offline_eval.ab.logged.support import drawn
from offline_eval.ab.money import CONTACT_COST, REENGAGED, REWARD_COST
from offline_eval.ab.sample import Sample
from offline_eval.logs.batch import MISSING, Floats, LogBatch
from offline_eval.logs.log import Log

REVENUE, MONEY = "revenue", "money"


@dataclass(frozen=True)
class Tally:
    """Sums of one part of a log.

    Attributes:
        n: rows.
        counts: (K,) rows by arm; weights, squares: (K,) Σ 1/p and Σ 1/p² over them.
        least: (K,) the smallest probability of each arm (above 0), as far as it is logged.
        times: (TIMES, K) draws by tenth of the log's time, or of its rows where it has none.
        chances: (K,) rows in which each arm could have been drawn.
        excess: (K, clusters) by arm and unit, Σ 1{drawn} / p - 1{could have been}; one column where units have one row.
        rows: rows of each segment.
        samples: simple logs: (segment, arm, metric) → units. Segments have the objective only.
        pairs: other logs: (segment, pair) → weighted sums of both sides. Simple logs: (segment, (arm, nothing)) → sums
            of the metrics in `Sight.amounts`.
    """

    n: int
    counts: Floats
    weights: Floats
    squares: Floats
    least: Floats
    times: Floats
    chances: Floats
    excess: Floats
    rows: Mapping[Segment, int] = field(default_factory=dict)
    samples: Mapping[tuple[Segment, int, str], Sample] = field(default_factory=dict)
    pairs: Mapping[tuple[Segment, Pair], PairSums] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        rows, samples, pairs = dict(self.rows), dict(self.samples), dict(self.pairs)
        for segment, count in other.rows.items():
            rows[segment] = rows.get(segment, 0) + count
        for key, sample in other.samples.items():
            samples[key] = samples[key] + sample if key in samples else sample
        for pair, sums in other.pairs.items():
            pairs[pair] = pairs[pair] + sums if pair in pairs else sums
        return Tally(
            self.n + other.n,
            self.counts + other.counts,
            self.weights + other.weights,
            self.squares + other.squares,
            np.minimum(self.least, other.least),
            self.times + other.times,
            self.chances + other.chances,
            self.excess + other.excess,
            rows,
            samples,
            pairs,
        )


def tally_part(log: Log, sight: Sight) -> Tally:
    """One part of a log."""
    empty, excess = np.zeros(len(log.arms)), np.zeros((len(log.arms), sight.clusters))
    total = Tally(0, empty, empty, empty, empty + 1, np.zeros((TIMES, len(empty))), empty, excess)
    for rows in log.batches(pmf=not sight.simple and sight.support.probabilities):
        total = total + tally(rows, len(log.arms), sight)
    return total


def tally(rows: LogBatch, arms: int, sight: Sight) -> Tally:
    """One batch."""
    weight = 1 / rows.propensity
    sums = [np.bincount(rows.arm, w, arms).astype(float) for w in (None, weight, weight**2)]
    least = np.ones(arms)
    np.minimum.at(least, rows.arm, rows.propensity)
    if rows.pmf is not None:
        least = np.minimum(least, np.where(rows.pmf > 0, rows.pmf, 1.0).min(axis=0, initial=1.0))
    times = np.bincount(sight.tenth(rows) * arms + rows.arm, minlength=TIMES * arms).reshape(TIMES, arms).astype(float)
    chances, excess = _chances(rows, arms, sight)
    samples = dict(_samples(rows, arms, sight)) if sight.simple else {}
    pairs = dict(_amounts(rows, arms, sight) if sight.simple else _weighed(rows, sight))
    sizes = {WHOLE: len(rows)} | {segment: int(mine.sum()) for segment, mine in _segments(rows)}
    return Tally(len(rows), sums[0], sums[1], sums[2], least, times, chances, excess, sizes, samples, pairs)


def _chances(rows: LogBatch, arms: int, sight: Sight) -> tuple[Floats, Floats]:
    """`chances` and `excess` of a tally."""
    if sight.simple:
        return np.full(arms, float(len(rows))), np.zeros((arms, 1))
    chances, excess = np.zeros(arms), np.zeros((arms, sight.clusters))
    place = sight.place(rows.unit) if sight.clustered else None
    for arm in range(arms):
        could = sight.support.could(rows, (arm,))
        chances[arm] = np.count_nonzero(could)
        if place is not None:
            off = np.where(rows.arm == arm, 1 / rows.propensity, 0.0) - could
            excess[arm] = np.bincount(place, off, sight.clusters)
    return chances, excess


def _values(rows: LogBatch, metric: str) -> Floats:
    return rows.metrics.get(metric, rows.reward)


def _segments(rows: LogBatch) -> Iterator[tuple[Segment, NDArray[np.bool_]]]:
    """Each value of each segment column; rows without one are a part too, so that parts add up to all rows."""
    for name, column in rows.segments.items():
        for value in dict.fromkeys((*column.values, MISSING)):
            mine = column.equals(value)
            mine = mine | (column.codes < 0) if value == MISSING else mine
            if mine.any():
                yield (name, value), mine


def _samples(rows: LogBatch, arms: int, sight: Sight) -> Iterator[tuple[tuple[Segment, int, str], Sample]]:
    covariates = covariates_of(rows, sight.adjusting)
    for arm in range(arms):
        mine = rows.arm == arm
        for place, metric in enumerate(sight.metrics):
            values = _values(rows, metric)
            known = mine & np.isfinite(values)
            extra = {name: column[known] for name, column in covariates.items()} if place == 0 else {}
            yield (WHOLE, arm, metric), Sample.of(values[known], **extra)
        if sight.returning:
            yield (WHOLE, arm, MONEY), _money(rows, mine, sight.returning)
        for segment, inside in _segments(rows):
            yield (segment, arm, sight.metrics[0]), Sample.of(_values(rows, sight.metrics[0])[mine & inside])


def _amounts(rows: LogBatch, arms: int, sight: Sight) -> Iterator[tuple[tuple[Segment, Pair], PairSums]]:
    """How heavy the tail of each arm's amounts is, rows of weight 1."""
    if not sight.amounts:
        return
    segments = [
        (WHOLE, np.ones(len(rows), dtype=bool)),
        *(_segments(rows) if sight.metrics[0] in sight.amounts else ()),
    ]
    values = np.stack([_values(rows, metric) for metric in sight.amounts])
    nobody = SideRows(np.zeros(0), values[:, :0], None, 1)
    for arm in range(arms):
        for segment, inside in segments:
            mine = np.flatnonzero((rows.arm == arm) & inside)
            own = SideRows(np.ones(len(mine)), values[:, mine], None, 1)
            yield (segment, ((arm,), ())), pair_sums(len(mine), (own, nobody))


def _money(rows: LogBatch, mine: NDArray[np.bool_], returning: str) -> Sample:
    """Revenue, costs and re-engagement of the units for which all are known."""
    amounts = {name: rows.metrics[name] for name in (REVENUE, REWARD_COST, CONTACT_COST)}
    amounts[REENGAGED] = (_values(rows, returning) > 0).astype(float)
    known = mine & np.isfinite(np.stack(list(amounts.values()))).all(axis=0)
    kept = {name: values[known] for name, values in amounts.items()}
    return Sample.of(kept.pop(REVENUE), False, **kept)


def covariates_of(rows: LogBatch, names: tuple[str, ...]) -> dict[str, Floats]:
    """Numeric context, a missing number as 0 with a column beside it that says so."""
    columns = {}
    for name in names:
        missing = np.isnan(rows.numeric[name])
        columns[f"x:{name}"] = np.where(missing, 0.0, rows.numeric[name])
        columns[f"missing:{name}"] = missing.astype(float)
    return columns


def _weighed(rows: LogBatch, sight: Sight) -> Iterator[tuple[tuple[Segment, Pair], PairSums]]:
    segments = [(WHOLE, np.ones(len(rows), dtype=bool)), *_segments(rows)]
    values = np.stack([_values(rows, metric) for metric in sight.metrics])
    unit = sight.place(rows.unit) if sight.clustered else None
    control = sight.pairs[0][1] if sight.pairs else (0,)
    typed: list[Pair] = [(group, control) for group in sight.types.values() if len(group) > 1]
    for pair in dict.fromkeys([*sight.pairs, *typed, (control, ())]):
        common = sight.support.common(rows, *pair)
        sides = []
        for group in pair:
            kept = np.flatnonzero(drawn(rows, group) & common)
            chance = sight.support.chance(rows.take(kept), group) if len(group) > 1 else rows.propensity[kept]
            place = None if unit is None else unit[kept]
            stratum = rows.stratum[kept] if sight.strata and rows.stratum is not None else None
            sides.append((kept, SideRows(1 / chance, values[:, kept], place, sight.clusters, stratum, sight.strata)))
        for segment, inside in segments if pair[1] else segments[:1]:
            found = [side if segment == WHOLE else side.within(inside[kept]) for kept, side in sides]
            yield (segment, pair), pair_sums(int(np.count_nonzero(common & inside)), (found[0], found[1]))
