"""The log of matured decisions as columns on disk: all that rollups, arm cells and trust sums are made of.

Unlike the export for offline policies it holds voided and forced decisions and every variant. Rows that a replay
rejected are in no readout, and not here.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine, text

from experiments.model.deciding.drawn import pmf_of, read_evidence
from experiments.model.deciding.hashing import unit_number
from experiments.store.core.engine import reading
from experiments.store.joining.matured import NEW_ARM_UNIT, NEW_UNIT

ROWS_AT_ONCE = 4096
ROWS_A_FILE = 1_000_000
BATCHES_A_GROUP = 32
METRIC = "metric_"
"""Prefix of the columns of metrics."""

PROBABILITIES = "<f8"
"""How a pmf is kept: its numbers as bytes, which are read back several times as fast as a list of numbers."""

_NAME = pa.dictionary(pa.int32(), pa.string())
_FIELDS = (
    ("seq", pa.int64()),
    ("bucket", pa.int16()),
    ("revision", pa.int32()),
    ("variant", _NAME),
    ("arm", _NAME),
    ("segment", _NAME),
    ("decided_at", pa.int64()),
    ("forced", pa.bool_()),
    ("voided", pa.bool_()),
    ("first", pa.bool_()),
    ("new_unit", pa.bool_()),
    ("new_arm_unit", pa.bool_()),
    ("draw", pa.float64()),
    ("reward", pa.float64()),
    ("eligible", _NAME),
    ("pmf", pa.large_binary()),
)
_NAMES = [name for name, kind in _FIELDS if kind == _NAME]
_ROWS = f"""
SELECT l.seq, d.unit_id, l.revision, l.variant, l.arm, l.segment, l.decided_at, d.mode, l.voided, d.epoch, d.attempt,
  {NEW_UNIT} AS new_unit, {NEW_ARM_UNIT} AS new_arm_unit, l.reward, l.metrics, d.record
FROM logged_rounds l JOIN decisions d ON d.id = l.decision_id LEFT JOIN voids v ON v.decision_id = d.id
WHERE l.experiment_id = :id AND l.seq > :after AND l.seq <= :through AND coalesce(v.reason, '') <> 'replay_rejected'
ORDER BY l.seq LIMIT :limit
"""  # noqa: S608 - nothing of a caller's
_read_metrics = msgspec.json.Decoder(dict[str, float]).decode
_as_text = msgspec.json.Encoder().encode


class RoundLog(NamedTuple):
    """Which rounds: of one experiment, up to a number in the joiner's sequence; with columns for these metrics.

    `units`: with a column `unit` that tells units apart, which sums have no use for.
    """

    experiment_id: int
    salt: bytes
    through: int
    metrics: Sequence[str]
    units: bool = False


class RoundWriter:
    """Writes one file in groups of some batches: a group for each batch would take far longer to read."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        # Codes of names pay, those of numbers don't; LZ4 costs the reader a quarter of what others do.
        self._file = pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=_NAMES)
        self._batches: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""
        self._batches.append(batch)
        if len(self._batches) >= BATCHES_A_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        if self._batches:
            self._flush()
        self._file.close()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._batches).unify_dictionaries().combine_chunks()
        self._file.write_table(table, row_group_size=max(table.num_rows, 1))
        self._batches.clear()


def write_round_log(engine: Engine, log: RoundLog, folder: Path, progress: Callable[[int], None]) -> list[Path]:
    """Parquet files of about ROWS_A_FILE rows each; `progress` is told how many rows are written."""
    schema = schema_of(log.metrics, log.units)
    files: list[Path] = []
    written, writer = 0, None
    for rows in _rows(engine, log):
        if writer is None:
            files.append(folder / f"rounds-{len(files):05}.parquet")
            writer = RoundWriter(files[-1], schema)
        writer.add(_batch(log, rows, schema))
        written += len(rows)
        progress(written)
        if written // ROWS_A_FILE >= len(files):
            writer.close()
            writer = None
    if writer is not None:
        writer.close()
    return files


def schema_of(metrics: Sequence[str], units: bool = False) -> pa.Schema:
    """The columns, with one for each metric, and one for units where they are to be told apart."""
    own = [("unit", pa.uint64())] if units else []
    return pa.schema([*_FIELDS, *own, *((METRIC + name, pa.float64()) for name in metrics)])


def _rows(engine: Engine, log: RoundLog) -> Iterator[Sequence[Any]]:
    after = 0
    while True:
        named = {"id": log.experiment_id, "after": after, "through": log.through, "limit": ROWS_AT_ONCE}
        with reading(engine) as session:
            rows = session.connection().execute(text(_ROWS), named).all()
        if not rows:
            return
        yield rows
        after = rows[-1].seq


def _batch(log: RoundLog, rows: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    proof = [read_evidence(row.record) for row in rows]
    pmfs = [pmf_of(evidence) for evidence in proof]
    metrics = [_read_metrics(row.metrics) if isinstance(row.metrics, str) else row.metrics for row in rows]
    plain = ("seq", "revision", "variant", "arm", "segment", "decided_at", "reward")
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in plain}
    flags = ("voided", "new_unit", "new_arm_unit")
    columns |= {name: [bool(getattr(row, name)) for row in rows] for name in flags}
    columns |= {
        "bucket": [evidence.bucket_of(log.salt, row.unit_id) for row, evidence in zip(rows, proof, strict=True)],
        "forced": [row.mode == "forced" for row in rows],
        "first": [not row.epoch and not row.attempt for row in rows],
        "draw": [
            evidence.draw_of(log.salt, (row.unit_id, row.epoch, row.attempt))
            for row, evidence in zip(rows, proof, strict=True)
        ],
        "eligible": [_as_text(pmf.arms).decode() for pmf in pmfs],
        "pmf": [np.array(pmf.p, dtype=PROBABILITIES).tobytes() for pmf in pmfs],
        **{METRIC + name: [one.get(name, 0.0) for one in metrics] for name in log.metrics},
    }
    if log.units:
        columns["unit"] = [unit_number(log.salt, row.unit_id) for row in rows]
    arrays = [pa.array(columns[field.name], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
