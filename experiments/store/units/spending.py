"""How much units spend, from imported payments and from matured rounds: what a cap is proposed from."""

from collections import defaultdict
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, Engine, text
from sqlmodel import select

from experiments.model.designing.capping import LEVEL, Spending
from experiments.model.tables.core import Experiment
from experiments.model.times import DAY
from experiments.store.core.engine import reading
from experiments.store.joining.matured import last_sequence
from experiments.store.joining.unit_revenue import revenue_of
from experiments.store.units.activity import Part, create_view, live_parts, open_duckdb
from experiments.store.units.erasures import in_files

LOOKBACK = 365 * DAY
MOST_PAYMENTS = 5_000_000
MOST_ROUNDS = 500_000
"""How far back is looked: the newest payments and rounds, so that a proposal takes a second or two at most."""

_WINDOWS = """
SELECT quantile_cont(total, {level}), count(*) FROM (
  SELECT sum(amount) AS total FROM payments
  WHERE occurred_at >= (SELECT max(occurred_at) FROM payments) - {lookback}
  GROUP BY unit_id, occurred_at // {window} HAVING sum(amount) > 0)
"""
_ROUNDS = """
SELECT l.experiment_id, l.revision, d.unit_id, l.metrics FROM logged_rounds l JOIN decisions d ON d.id = l.decision_id
WHERE l.seq > :after AND CAST(l.metrics AS TEXT) LIKE '%"revenue"%' AND d.mode <> 'forced'
"""


def spent_in_windows(engine: Engine, folder: Path, window: int) -> Spending | None:
    """Of imported payments: totals above 0 of a unit in windows of so many microseconds; None where there are none."""
    with reading(engine) as session:
        parts, erased = _newest(live_parts(session, "payments")), in_files(session)
    if not parts:
        return None
    with open_duckdb(folder) as duck:
        create_view(duck, folder, "payments", parts, erased)
        statement = _WINDOWS.format(level=LEVEL, lookback=LOOKBACK, window=max(window, 1))
        most, spenders = duck.sql(statement).fetchall()[0]
    return Spending(float(most), int(spenders)) if spenders else None


def _newest(parts: list[Part]) -> list[Part]:
    kept: list[Part] = []
    rows = 0
    for part in sorted(parts, key=lambda each: each.last_at, reverse=True):
        if kept and rows + part.rows > MOST_PAYMENTS:
            break
        kept.append(part)
        rows += part.rows
    return kept


def spent_in_experiments(connection: Connection, currency: str) -> Spending | None:
    """Of matured rounds: totals above 0 of a unit in one revision of an experiment in this currency."""
    heads = connection.execute(select(Experiment.id, Experiment.definition)).all()
    alike = {number for number, definition in heads if definition.get("currency") == currency}
    totals: dict[tuple[int, int, str], float] = defaultdict(float)
    after = last_sequence(connection) - MOST_ROUNDS
    for experiment, revision, unit, metrics in connection.execute(text(_ROUNDS), {"after": after}):
        if experiment in alike:
            totals[experiment, revision, unit] += revenue_of(metrics)
    spent = np.array([total for total in totals.values() if total > 0])
    return Spending(float(np.quantile(spent, LEVEL)), len(spent)) if len(spent) else None
