"""Parquet with its spec: what `winback replay`, `readout` and `simulate` read back.

A replay reads `log` by `spec.toml`; a readout of the variants reads `campaign` by `lift.toml`.
"""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import tomli_w

from experiments.views.exports.live_log import LiveLog

ROWS_A_FILE = 1_000_000


def write_parquet(log: LiveLog, folder: Path, progress: Callable[[int], None]) -> list[Path]:
    """`log/part-N.parquet` in pieces of about ROWS_A_FILE rows, and `spec.toml`."""
    return _written(log, folder / "log", folder / "spec.toml", progress)


def write_campaign(campaign: LiveLog, folder: Path, progress: Callable[[int], None]) -> list[Path]:
    """`campaign/part-N.parquet`, every variant's decisions, and `lift.toml`, which compares variants with the control.

    `campaign` was opened with `Chosen(everybody=True)`.
    """
    return _written(campaign, folder / "campaign", folder / "lift.toml", progress)


def _written(log: LiveLog, parts: Path, spec: Path, progress: Callable[[int], None]) -> list[Path]:
    parts.mkdir(parents=True, exist_ok=True)
    spec.write_text(tomli_w.dumps(log.spec), encoding="utf-8")
    written, files, writer = 0, [spec], None
    for batch in log.batches():
        if writer is None:
            files.append(parts / f"part-{len(files) - 1:05}.parquet")
            writer = pq.ParquetWriter(files[-1], log.schema, compression="zstd")
        writer.write_batch(batch)
        written += batch.num_rows
        progress(written)
        if written // ROWS_A_FILE >= len(files) - 1:
            writer.close()
            writer = None
    if writer is not None:
        writer.close()
    return files
