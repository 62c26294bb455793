"""The totals of variants, over all arms and segments; see model.VariantTotals. They are read by `cell_totals`."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from experiments.store.core.bulk import is_sqlite

Floats = NDArray[np.float64]
Group = tuple[int, str, int]
"""Revision, variant, voided."""


class Belonging(Protocol):
    """What is read of a row's key in the totals."""

    @property
    def revision(self) -> int:
        """In force when it was decided."""

    @property
    def variant(self) -> str:
        """Key."""

    @property
    def voided(self) -> int:
        """Whether the decisions were voided."""

    @property
    def part(self) -> int:
        """Which 16 buckets."""


_STORED = """
SELECT part, sums FROM rollup_variants
WHERE experiment_id = :id AND revision = :revision AND variant = :variant AND voided = :voided
"""
_PUT = """
INSERT INTO rollup_variants (experiment_id, revision, variant, voided, part, sums) VALUES ({values})
ON CONFLICT (experiment_id, revision, variant, voided, part) DO UPDATE SET sums = excluded.sums
"""


def add_to_variants(connection: Connection, experiment_id: int, keys: Sequence[Belonging], sums: Floats) -> None:
    """Add rows of the totals, (R, P, 3, 16) for their R keys."""
    for group, added in _by_group(keys, sums).items():
        for part, row in connection.execute(text(_STORED), _named(experiment_id, group)):
            if part in added:
                stored = np.frombuffer(bytes(row), dtype="<f8")
                added[part][: len(stored)] += stored
        _put(connection, experiment_id, group, added)


def replace_variants(connection: Connection, experiment_id: int, keys: Sequence[Belonging], sums: Floats) -> None:
    """The sums of these rows instead of what is stored."""
    connection.execute(text("DELETE FROM rollup_variants WHERE experiment_id = :id"), {"id": experiment_id})
    for group, added in _by_group(keys, sums).items():
        _put(connection, experiment_id, group, added)


def _by_group(keys: Sequence[Belonging], sums: Floats) -> dict[Group, dict[int, Floats]]:
    """Group → part → (P * 48,)."""
    found: dict[Group, dict[int, Floats]] = {}
    for key, row in zip(keys, sums.reshape(len(sums), math.prod(sums.shape[1:])), strict=True):
        parts = found.setdefault((key.revision, key.variant, int(key.voided)), {})
        if key.part in parts:
            parts[key.part] += row
        else:
            parts[key.part] = row.copy()
    return found


def _named(experiment_id: int, group: Group) -> dict[str, object]:
    return {"id": experiment_id, **dict(zip(("revision", "variant", "voided"), group, strict=True))}


def _put(connection: Connection, experiment_id: int, group: Group, parts: dict[int, Floats]) -> None:
    mark = "?" if is_sqlite(connection) else "%s"
    rows = [(experiment_id, *group, part, row.astype("<f8", copy=False).tobytes()) for part, row in parts.items()]
    connection.exec_driver_sql(_PUT.format(values=", ".join([mark] * 6)), rows)
