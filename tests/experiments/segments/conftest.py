"""Segments over a history of a few thousand units, on both databases."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from experiments.model.history import HISTORY
from experiments.model.tables.profiles import HistoryPart
from experiments.model.times import DAY, now
from experiments.services.segmenting.refreshing import claim_refresh, refresh
from experiments.store.core.engine import transaction
from experiments.store.units.activity import part_path, write_part


@pytest.fixture
def remember(settings, engine) -> Callable[..., None]:
    """Add events of a kind to the history: (unit, days ago, amount)."""
    numbers = iter(range(1, 1000))

    def add(kind: str, rows: list[tuple[str, float, float]]) -> None:
        number, at = next(numbers), now()
        columns = {
            "event_key": pa.array(range(len(rows)), pa.uint64()),
            "unit_id": [unit for unit, _, _ in rows],
            "occurred_at": [at - int(ago * DAY) for _, ago, _ in rows],
            "amount" if kind == "payments" else "value": [amount for _, _, amount in rows],
        }
        schema = HISTORY[kind]
        missing = {name: pa.nulls(len(rows), schema.field(name).type) for name in schema.names if name not in columns}
        table = pa.table({**columns, **missing}).select(schema.names).cast(schema)
        write_part(settings.history_path, part_path(kind, number, 0), table)
        times = table["occurred_at"].to_numpy()
        with transaction(engine) as session:
            session.add(
                HistoryPart(
                    kind=kind,
                    import_id=number,
                    sequence=0,
                    path=part_path(kind, number, 0),
                    rows=len(rows),
                    first_at=int(np.min(times)),
                    last_at=int(np.max(times)),
                    live=True,
                )
            )

    return add


@pytest.fixture
def run_refresh(settings, engine) -> Callable[[str], None]:
    """Refresh a segment here and now, as the worker's background process does."""

    def run(key: str) -> None:
        claim = claim_refresh(engine, key)
        assert claim is not None
        refresh(engine, settings.history_path, claim)

    return run
