"""One pass over a log: what a readout needs of it, mergeable with `+`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from offline_eval.ab.money import CONTACT_COST, REENGAGED, REWARD_COST
from offline_eval.ab.sample import Sample
from offline_eval.logs.batch import Categorical, Floats, LogBatch
from offline_eval.logs.log import Log
from offline_eval.moments import BUCKETS, Moments, by_unit, moments_of

REVENUE, MONEY = "revenue", "money"
WHOLE = ("", "")
"""The segment of all rows."""

Segment = tuple[str, str]
"""(column, value)."""

MOST_PAIRS = 45
"""Beyond so many pairs of arms, only those with the control are compared."""


@dataclass(frozen=True)
class Sight:
    """How a log is to be read.

    Attributes:
        metrics: names, the objective first under its own name.
        pairs: arms to be contrasted, as indices, each (treated, control).
        simple: one decision for each unit, every arm with the same probability in every row: plain means will do.
        adjusting: numeric context that the objective is adjusted for.
        clustered: units have several rows.
        returning: the metric that says whether a unit came back, where money can be counted; "" elsewhere.
    """

    metrics: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    simple: bool
    adjusting: tuple[str, ...]
    clustered: bool
    returning: str = ""

    @classmethod
    def of(cls, log: Log, control: int, metrics: tuple[str, ...]) -> "Sight":
        """What this log needs."""
        spec, arms = log.spec, range(len(log.arms))
        simple = not (spec.unit or spec.eligible or spec.propensity.column or spec.propensity.estimate or spec.strata)
        pairs = [(arm, control) for arm in arms if arm != control]
        others = [(b, a) for a in arms for b in arms if a < b and control not in (a, b)]
        pairs += others if len(pairs) + len(others) <= MOST_PAIRS else []
        returning = next((name for name in ("reengagement", metrics[0]) if name in metrics), "")
        counted = simple and "revenue" in spec.outcomes and any(arm.reward_cost or arm.contact_cost for arm in log.arms)
        return cls(metrics, tuple(pairs), simple, spec.numeric, bool(spec.unit), returning if counted else "")


@dataclass(frozen=True)
class Tally:
    """Sums of one part of a log.

    Attributes:
        n: rows.
        counts: (K,) rows by arm; weights, squares: (K,) Σ 1/p and Σ 1/p² over them.
        chances: (K,) rows in which each arm was eligible.
        samples: simple logs: (segment, arm, metric) → units. Segments have the objective only.
        moments: other logs: (segment, pair) → weighted sums of both arms.
    """

    n: int
    counts: Floats
    weights: Floats
    squares: Floats
    chances: Floats
    samples: Mapping[tuple[Segment, int, str], Sample] = field(default_factory=dict)
    moments: Mapping[tuple[Segment, tuple[int, int]], Moments] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        samples, moments = dict(self.samples), dict(self.moments)
        for key, sample in other.samples.items():
            samples[key] = samples[key] + sample if key in samples else sample
        for pair, sums in other.moments.items():
            moments[pair] = moments[pair] + sums if pair in moments else sums
        return Tally(
            self.n + other.n,
            self.counts + other.counts,
            self.weights + other.weights,
            self.squares + other.squares,
            self.chances + other.chances,
            samples,
            moments,
        )


def tally_part(log: Log, sight: Sight) -> Tally:
    """One part of a log."""
    empty = np.zeros(len(log.arms))
    total = Tally(0, empty, empty, empty, empty)
    for rows in log.batches(pmf=log.spec.propensity.estimate):
        total = total + tally(rows, len(log.arms), sight)
    return total


def tally(rows: LogBatch, arms: int, sight: Sight) -> Tally:
    """One batch."""
    weight = 1 / rows.propensity
    sums = [np.bincount(rows.arm, w, arms).astype(float) for w in (None, weight, weight**2)]
    chances = np.full(arms, float(len(rows))) if rows.eligible is None else rows.eligible.sum(axis=0).astype(float)
    samples = dict(_samples(rows, arms, sight)) if sight.simple else {}
    moments = {} if sight.simple else dict(_moments(rows, weight, sight))
    return Tally(len(rows), sums[0], sums[1], sums[2], chances, samples, moments)


def _values(rows: LogBatch, metric: str) -> Floats:
    return rows.metrics.get(metric, rows.reward)


def _known(values: Floats) -> tuple[Floats, Floats]:
    """(1 where known, the value or 0): a metric other than the objective may be missing in a row."""
    known = np.isfinite(values)
    return known.astype(float), np.where(known, values, 0.0)


def _segments(rows: LogBatch) -> Iterator[tuple[Segment, NDArray[np.bool_]]]:
    for name, column in rows.segments.items():
        values: Categorical = column
        for value in values.values:
            mine = values.equals(value)
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


def _moments(rows: LogBatch, weight: Floats, sight: Sight) -> Iterator[tuple[tuple[Segment, tuple[int, int]], Moments]]:
    segments = [(WHOLE, np.ones(len(rows), dtype=bool)), *_segments(rows)]
    for treated, control in sight.pairs:
        inside = (rows.arm == treated) | (rows.arm == control)
        if rows.eligible is not None:
            inside &= rows.eligible[:, treated] & rows.eligible[:, control]
        for segment, mine in segments:
            kept = np.flatnonzero(inside & mine)
            metrics = sight.metrics if segment == WHOLE else sight.metrics[:1]
            columns = [column for metric in metrics for column in _known(_values(rows, metric)[kept])]
            sides = [np.where(rows.arm[kept] == arm, weight[kept], 0.0) for arm in (treated, control)]
            table = np.stack([side * column for side in sides for column in columns])
            buckets = by_unit(table, (rows.unit[kept] % BUCKETS).astype(np.intp)) if sight.clustered else None
            yield (segment, (treated, control)), moments_of(table, buckets, sight.clustered)
