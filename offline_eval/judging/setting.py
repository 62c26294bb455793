"""What all candidates of one replay share, and how logged rows look to an estimator."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline_eval.candidates.candidate import Candidate, of_chosen
from offline_eval.candidates.spread import Logging
from offline_eval.intervals.known import Bounds
from offline_eval.judging.claim import DEFAULT, Claim
from offline_eval.logs.batch import Floats, LogBatch
from offline_eval.logs.decoded import crossed
from offline_eval.logs.log import Log
from offline_eval.models.crossfit import CrossFitted
from offline_eval.moments import Matrix
from offline_eval.ope.batch import Batch
from offline_eval.ope.diagnostics import Layout
from offline_eval.ope.gather import Plan
from offline_eval.shares import drift_of

PERIODS = 10
MOST_SEGMENTS = 50
OTHER = "(other)"


@dataclass(frozen=True)
class Setting:
    """One replay.

    Attributes:
        model: cross-fitted reward predictions, None where no estimator needs them.
        split: the time from which trained candidates are judged.
        segments: names of the segments told apart in the diagnostics.
        edges: inner borders of the periods of time (of row numbers, where the log has none), shape (PERIODS - 1,).
        category: (K,) each arm's category, None where the arms have none.
        moving: whether the arms' shares moved during the log, so that plain intervals claim no coverage.
        strata: the columns that `segments` stand for where the log has none of its own.
        gaps: whether the log says of some arms that they could not be drawn.
        reference: place of the candidate that every other is compared with besides logging.
        claim: what every interval claims.
        mixture: whether the logged propensities are averaged over several loggers.
    """

    plan: Plan
    model: CrossFitted | None
    bounds: Bounds
    split: float | None
    segments: tuple[str, ...]
    edges: tuple[float, ...]
    arms: int
    clustered: bool
    category: tuple[int, ...] | None = None
    reference: int | None = None
    claim: Claim = DEFAULT
    mixture: bool = False
    gaps: bool = False
    moving: bool = False
    strata: tuple[str, ...] = ()

    @property
    def layout(self) -> Layout:
        """How many codes there are of each kind."""
        return Layout(self.arms, max(len(self.segments), 1), len(self.edges) + 1)

    @property
    def full(self) -> bool:
        """Whether (n, K) arrays are needed."""
        return self.gaps or self.model is not None or any(basis.needs for basis in self.plan.bases.values())


def segment_names(log: Log) -> tuple[str, ...]:
    """The most frequent combinations of the segment columns; the last stands for the rest.

    Without segments the strata within which arms were drawn, where the context has their columns.
    """
    names = [name for name, _ in log.scan.segments.most_common()]
    if strata_columns(log) and log.shares is not None:
        names = list(log.shares.names)
    return tuple(names) if len(names) <= MOST_SEGMENTS else (*names[: MOST_SEGMENTS - 1], OTHER)


def strata_columns(log: Log) -> tuple[str, ...]:
    """The columns within which arms were drawn, where the context has them and the log names no segments."""
    known = log.shares is not None and not log.spec.segments and set(log.spec.strata) <= set(log.features.categorical)
    return tuple(log.spec.strata) if known else ()


def has_gaps(log: Log) -> bool:
    """Whether the logging pmf excludes arms, as far as the log says."""
    return bool(log.spec.pmf) or (log.shares is not None and bool((log.shares.table <= 0).any()))


def period_edges(log: Log) -> tuple[float, ...]:
    """Borders of equally long periods of the log's time, or of its rows where it has none; none of a single instant."""
    first, last = (log.scan.earliest, log.scan.latest) if log.spec.time else (0.0, float(log.n))
    if not last > first:
        return ()
    return tuple(np.linspace(first, last, PERIODS + 1)[1:-1].tolist())


def period_of(rows: LogBatch, edges: tuple[float, ...]) -> NDArray[np.int64]:
    """(n,) the period of each row."""
    return np.searchsorted(edges, rows.row if rows.time is None else rows.time, side="right")


def arms_by_period(log: Log) -> Matrix:
    """(T, K) rows of a log by period and arm, from a pass of its own."""
    edges, arms = period_edges(log), len(log.arms)
    size = (len(edges) + 1) * arms
    tables = (np.bincount(period_of(b, edges) * arms + b.arm, minlength=size) for b in log.batches(pmf=False))
    return np.asarray(sum(tables), dtype=np.float64).reshape(-1, arms)


def shares_moved(log: Log, table: Matrix) -> bool:
    """Whether the arms of a log with recorded probabilities came with other shares as time went on; no others can.

    `table`: (T, K) rows by period and arm.
    """
    drift = drift_of(table) if log.spec.propensity.column else None
    return drift is not None and drift.moved


def categories(log: Log) -> tuple[int, ...] | None:
    """Codes of the arms' event types, where these divide the arms."""
    kinds = [arm.event_type or "" for arm in log.arms]
    found = sorted(set(kinds))
    return tuple(found.index(kind) for kind in kinds) if 1 < len(found) < len(kinds) else None


def known_bounds(log: Log) -> Bounds:
    """The objective's range, declared or a 0/1 column's, and the largest weight that the design of the log allows."""
    largest: float | None = None
    if log.spec.propensity.uniform:
        largest = float(len(log.arms))
    elif log.shares is not None:
        largest = 1.0 / float(log.shares.table[log.shares.table > 0].min())
    return Bounds(log.range, None if largest is None else (0.0, largest))


@dataclass(frozen=True)
class View:
    """Some logged rows with what does not depend on the candidate: predictions, segments, periods."""

    rows: LogBatch
    q: Floats | None
    segment: NDArray[np.int64] | None
    period: NDArray[np.int64]

    def take(self, kept: NDArray[np.bool_]) -> "View":
        """The rows where `kept` (n,) holds."""
        return View(
            self.rows.take(kept),
            None if self.q is None else self.q[kept],
            None if self.segment is None else self.segment[kept],
            self.period[kept],
        )


def view(rows: LogBatch, setting: Setting) -> View:
    """What all candidates share about these rows."""
    period = period_of(rows, setting.edges)
    q = setting.model.predict(rows) if setting.model else None
    return View(rows, q, _segment(rows, setting), period)


def _segment(rows: LogBatch, setting: Setting) -> NDArray[np.int64] | None:
    columns = list(rows.segments.values()) or [rows.categorical[name] for name in setting.strata]
    if not setting.segments or not columns:
        return None
    found = crossed(columns)
    place = {name: index for index, name in enumerate(setting.segments)}
    return np.array([place.get(value, len(place) - 1) for value in found.values])[found.codes]


def ope_batch(seen: View, candidate: Candidate, setting: Setting) -> Batch:
    """The rows as an estimator reads them for one candidate."""
    rows = seen.rows
    target = candidate.target(rows) if setting.full else None
    own = isinstance(candidate, Logging)
    return Batch(
        action=rows.arm,
        propensity=rows.propensity,
        reward=rows.reward,
        target_chosen=candidate.chosen(rows) if own or target is None else of_chosen(target, rows),
        target=target,
        q=seen.q,
        logged=rows.pmf if setting.full else None,
        eligible=rows.eligible,
        unit=rows.unit if setting.clustered else None,
        category=None if setting.category is None else np.array(setting.category),
        segment=seen.segment,
        period=seen.period,
        mixture_propensity=rows.propensity if setting.mixture else None,
        first_row=int(rows.row[0]) if len(rows) else 0,
    )
