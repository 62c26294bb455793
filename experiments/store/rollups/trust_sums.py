"""The trust checks' sums: read, added to, written."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from experiments.store.core.bulk import is_sqlite

Sums = NDArray[np.float64]


class TrustKey(NamedTuple):
    """One row within an experiment; see model.trust_sums."""

    name: str
    place: str


_READ = "SELECT name, place, sums FROM trust_sums WHERE experiment_id = :id ORDER BY name, place"
_PUT = """
INSERT INTO trust_sums (experiment_id, name, place, sums) VALUES ({values})
ON CONFLICT (experiment_id, name, place) DO UPDATE SET sums = excluded.sums
"""


def read_trust(connection: Connection, experiment_id: int) -> dict[TrustKey, Sums]:
    """All sums of an experiment."""
    found = connection.execute(text(_READ), {"id": experiment_id})
    return {TrustKey(row.name, row.place): np.frombuffer(bytes(row.sums), dtype="<f8") for row in found}


def write_trust(connection: Connection, experiment_id: int, rows: Mapping[TrustKey, Sums]) -> None:
    """Write rows as they will be."""
    if rows:
        mark = "?" if is_sqlite(connection) else "%s"
        listed = [(experiment_id, *key, np.asarray(sums, dtype="<f8").tobytes()) for key, sums in rows.items()]
        connection.exec_driver_sql(_PUT.format(values=", ".join([mark] * 4)), listed)


def clear_trust(connection: Connection, experiment_id: int, names: Iterable[str]) -> None:
    """Forget the sums of some checks."""
    for name in names:
        statement = text("DELETE FROM trust_sums WHERE experiment_id = :id AND name = :name")
        connection.execute(statement, {"id": experiment_id, "name": name})
