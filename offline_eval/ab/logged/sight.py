"""How a log is to be read: which metrics, which pairs of arms, and whether plain means will do."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline_eval.ab.logged.sums import CLUSTERS, STRATA
from offline_eval.ab.logged.support import Group, Support
from offline_eval.ab.money import CONTACT_COST, REWARD_COST
from offline_eval.logs.batch import LogBatch
from offline_eval.logs.log import Log

WHOLE = ("", "")
"""The segment of all rows."""

Segment = tuple[str, str]
"""(column, value)."""

Pair = tuple[Group, Group]
"""(treated, control); with nothing as control, the treated alone."""

TIMES = 10
"""Parts of a log in which the shares of arms are looked at."""

MOST_PAIRS = 45
"""Beyond so many pairs of arms, only those with the control are compared."""


@dataclass(frozen=True)
class Sight:
    """How a log is to be read.

    Attributes:
        metrics: names, the objective first under its own name.
        pairs: arms to be contrasted, those with the control first.
        types: event type → its arms, where there are any beside the control.
        simple: one decision for each unit, every arm with the same probability in every row: plain means will do.
        adjusting: numeric context that the objective is adjusted for.
        support: what is known of what could have been drawn.
        units: hashes of all units in order, where some have several rows and they are few enough to be kept apart.
        clustered: units have several rows.
        strata: how many there are whose own shares are the probabilities; 0 where they are not, or units repeat.
        amounts: metrics of a simple log that are no shares, have no stated range and are no costs.
        returning: the metric that says whether a unit came back, where money can be counted; "" elsewhere.
        start, span: of the log's times, or of its rows where it has none.
    """

    metrics: tuple[str, ...]
    pairs: tuple[Pair, ...]
    types: Mapping[str, Group]
    simple: bool
    adjusting: tuple[str, ...]
    support: Support
    units: NDArray[np.uint64] | None
    clustered: bool
    strata: int = 0
    amounts: tuple[str, ...] = ()
    returning: str = ""
    start: float = 0.0
    span: float = 1.0

    @classmethod
    def of(cls, log: Log, control: int, metrics: tuple[str, ...]) -> "Sight":
        """What this log needs."""
        spec, support = log.spec, Support.of(log)
        varying = spec.eligible or spec.propensity.column or spec.propensity.estimate or spec.strata
        simple = not (varying or log.clustered)
        returning = next((name for name in ("reengagement", metrics[0]) if name in metrics), "")
        counted = simple and "revenue" in spec.outcomes and any(arm.reward_cost or arm.contact_cost for arm in log.arms)
        kept = log.units if log.clustered and log.units is not None and len(log.units) <= CLUSTERS else None
        return cls(
            metrics,
            _pairs(len(log.arms), control),
            _types(log, control) if support.probabilities else {},
            simple,
            spec.numeric,
            support,
            kept,
            log.clustered,
            _strata(log),
            _amounts(log, metrics) if simple else (),
            returning if counted else "",
            log.scan.earliest if spec.time else 0.0,
            max(log.scan.latest - log.scan.earliest if spec.time else float(log.n), 1e-9),
        )

    def tenth(self, rows: LogBatch) -> NDArray[np.intp]:
        """(n,) which part of the log each row is in."""
        at = rows.row if rows.time is None else rows.time
        return np.clip((at - self.start) / self.span * TIMES, 0, TIMES - 1).astype(np.intp)

    @property
    def clusters(self) -> int:
        """Places that units have sums in."""
        if not self.clustered:
            return 1
        return CLUSTERS if self.units is None else len(self.units)

    def place(self, unit: NDArray[np.uint64]) -> NDArray[np.intp]:
        """(n,) the place of each row's unit."""
        found = unit % np.uint64(CLUSTERS) if self.units is None else np.searchsorted(self.units, unit)
        return found.astype(np.intp)


def _strata(log: Log) -> int:
    known = len(log.shares.names) if log.shares is not None and log.spec.strata and not log.clustered else 0
    return known if known <= STRATA else 0


def _amounts(log: Log, metrics: tuple[str, ...]) -> tuple[str, ...]:
    ranged = {log.spec.objective.maximise} if log.range else set()
    return tuple(name for name in metrics if name not in log.zero_or_one | ranged | {REWARD_COST, CONTACT_COST})


def _pairs(arms: int, control: int) -> tuple[Pair, ...]:
    pairs = [((arm,), (control,)) for arm in range(arms) if arm != control]
    others = [((b,), (a,)) for a in range(arms) for b in range(arms) if a < b and control not in (a, b)]
    return tuple(pairs + (others if len(pairs) + len(others) <= MOST_PAIRS else []))


def _types(log: Log, control: int) -> dict[str, Group]:
    types: dict[str, Group] = {}
    for arm, described in enumerate(log.arms):
        if described.event_type and arm != control:
            types[described.event_type] = (*types.get(described.event_type, ()), arm)
    return types
