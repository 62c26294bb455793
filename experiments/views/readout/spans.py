"""A part of the experiment's time, from the hourly tier.

Hours are the clusters: what moves all units of an hour together cancels between two groups, because contrasts pair
residuals hour by hour. What a unit's decisions in different hours share does not show between hours; so each group's
variance is multiplied by the metric's design effect over the whole experiment (Kish 1965, section 8.2): the variance of
its mean between buckets of units over that of independent decisions, at least 1. A unit has no more decisions in a part
than in the whole, so that this errs on the wide side.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import Connection

from experiments.model.times import HOUR
from experiments.store.rollups.hour_totals import HOURS, ROUNDS, TOTAL, DayHours, read_hour_totals
from experiments.store.rollups.hours import Hours, read_hours
from experiments.views.readout.cells import Cell, Cells
from experiments.views.readout.question import Question

_FOREVER = 2**40
"""Hours."""


def of_span(connection: Connection, experiment_id: int, whole: Cells, question: Question) -> Cells:
    """Cells by hour, those decided in the span; without segments, unless one is asked for."""
    start = -_FOREVER if question.start is None else question.start // HOUR
    end = _FOREVER if question.end is None else question.end // HOUR
    if question.segment is None:
        part = of_days(read_hour_totals(connection, experiment_id, whole.places, (start, end)), whole.places)
    else:
        part = of_hours(read_hours(connection, experiment_id, (start, end), question.segment), whole.places)
    return part._replace(shares=whole.shares, bounds=whole.bounds, whole=whole)


def of_days(found: DayHours, places: Mapping[str, int]) -> Cells:
    """Hours over all segments as cells whose buckets are hours; the cells' segment is empty."""
    used: Any = found.sums[:, :, ROUNDS].any(axis=(1, 2))
    packed, keys = found.sums[used], [key for key, kept in zip(found.keys, used.tolist(), strict=True) if kept]
    cells: dict[Cell, int] = {}
    days: dict[int, int] = {}
    cell_at = [cells.setdefault(Cell(key.revision, key.variant, key.arm, "", key.voided), len(cells)) for key in keys]
    day_at = [days.setdefault(key.day, len(days)) for key in keys]
    hours = np.zeros((len(days), HOURS), dtype=bool)
    np.logical_or.at(hours, day_at, packed[:, :, ROUNDS].any(axis=1))
    sums, flat = np.zeros((len(cells), len(places), len(days), HOURS)), np.zeros((len(cells), len(places), 3))
    sums[cell_at, :, day_at] = packed[:, :, TOTAL]
    np.add.at(flat[:, :, :2], cell_at, packed.sum(axis=3))
    flat[:, :, 2] = np.nan
    return Cells(list(cells), places, sums[:, :, hours], flat, by_hour=True)


def of_hours(found: Hours, places: Mapping[str, int]) -> Cells:
    """Rows of the hourly tier as cells whose buckets are hours."""
    cells: dict[Cell, int] = {}
    hours: dict[int, int] = {}
    at: list[tuple[int, int, int]] = []
    values: list[tuple[float, float]] = []
    for hour, revision, variant, arm, segment, voided, metric, rounds, total in found:
        cell = cells.setdefault(Cell(revision, variant, arm, segment, voided), len(cells))
        at.append((cell, places[metric], hours.setdefault(hour, len(hours))))
        values.append((rounds, total))
    sums, flat = np.zeros((len(cells), len(places), len(hours))), np.zeros((len(cells), len(places), 3))
    flat[:, :, 2] = np.nan
    if at:
        cell_at, metric_at, hour_at = np.array(at).T
        counted = np.array(values, dtype=np.float64)
        np.add.at(sums, (cell_at, metric_at, hour_at), counted[:, 1])
        np.add.at(flat[:, :, :2], (cell_at, metric_at), counted)
    return Cells(list(cells), places, sums, flat, by_hour=True)
