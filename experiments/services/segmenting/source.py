"""What segments are made from: the history of units up to an instant, and the profiles stored now."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Engine

from bandit.history import UnitFacts, features_of
from bandit.rounds import Scalar
from experiments.model.times import DAY
from experiments.store.segments import StoredUnit, stored_units
from experiments.store.units.activity import history
from offline_eval.activity import Visits

Floats = NDArray[np.float64]
Kinds = Literal["any", "activity", "payments"]

_facts = msgspec.json.Decoder(UnitFacts).decode
_features = msgspec.json.Decoder(dict[str, Scalar]).decode

_EVENTS = {
    "activity": "SELECT unit_id, occurred_at, 0.0 AS amount FROM activity",
    "payments": "SELECT unit_id, occurred_at, amount FROM payments",
    "participation": "SELECT unit_id, occurred_at, 0.0 AS amount FROM participation WHERE coalesce(responded, true)",
}
_WANTED = {"any": tuple(_EVENTS), "activity": ("activity",), "payments": ("payments",)}
_POPULATION = """
WITH days AS (
  SELECT unit_id, occurred_at // {day} AS day, count(*) AS events, sum(amount) AS amount, max(occurred_at) AS last
  FROM ({events}) WHERE occurred_at < {at} GROUP BY ALL)
SELECT unit_id, list(day ORDER BY day) AS days, sum(events)::DOUBLE AS events, sum(amount)::DOUBLE AS amount,
  max(last)::BIGINT AS last
FROM days GROUP BY unit_id
"""


@dataclass(frozen=True, slots=True)
class Population:
    """All units with a history, n of them.

    Attributes:
        units: (n,) ids.
        visits: the days on which each was active.
        inactive: (n,) days since the last event, with fractions.
        events, amount: (n,) number of events and sum of payments.
    """

    units: pa.Array
    visits: Visits
    inactive: Floats
    events: Floats
    amount: Floats


class Source:
    """The units at an instant."""

    def __init__(self, engine: Engine, folder: Path, at: int) -> None:
        self.at = at
        self._engine, self._folder = engine, folder

    def population(self, kinds: Kinds = "any") -> Population:
        """Units by their history of these kinds of events, before the instant."""
        events = " UNION ALL ".join(_EVENTS[kind] for kind in _WANTED[kinds])
        statement = _POPULATION.format(day=DAY, at=self.at, events=events)
        with history(self._engine, self._folder) as duck:
            table = duck.sql(statement).to_arrow_table().combine_chunks()
        days = _one(table["days"])
        starts = days.offsets.to_numpy()[:-1].astype(np.int64)
        flat = days.flatten().to_numpy().astype(np.float64)
        first = flat[starts] if len(starts) else np.zeros(0)
        sizes = np.diff(np.append(starts, len(flat)))
        visits = Visits.of(flat - np.repeat(first, sizes), starts, self.at // DAY - first)
        last = _one(table["last"]).to_numpy()
        return Population(
            _one(table["unit_id"]),
            visits,
            (self.at - last) / DAY,
            _one(table["events"]).to_numpy(),
            _one(table["amount"]).to_numpy(),
        )

    def contexts(self) -> Iterator[tuple[str, dict[str, Scalar]]]:
        """Every stored unit with what rules may look at: profile, features of its history, its segments."""
        for row in stored_units(self._engine):
            yield row.unit_id, self._context(row)

    def _context(self, row: StoredUnit) -> dict[str, Scalar]:
        found: dict[str, Scalar] = {}
        found.update(msgspec.json.decode(row.profile))
        if row.facts is not None:
            found.update(features_of(_facts(row.facts), self.at))
        if row.segments is not None:
            found.update(_features(row.segments))
        return found


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
