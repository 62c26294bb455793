"""The Open Bandit layout (Saito et al., 2021): numbered items, one slot, a binary or real outcome named `click`."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from experiments.views.exports.live_log import LiveLog


def write_open_bandit(log: LiveLog, folder: Path, progress: Callable[[int], None]) -> list[Path]:
    """`log.csv` (timestamp, item_id, position, click, propensity_score, user_feature_N) and `item_context.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    arms = [arm["value"] for arm in log.spec["arms"]]
    path, written, writer = folder / "log.csv", 0, None
    try:
        for batch in log.batches():
            table = _renamed(log, batch, arms)
            writer = writer or pa_csv.CSVWriter(path, table.schema)
            writer.write(table)
            written += batch.num_rows
            progress(written)
    finally:
        if writer is not None:
            writer.close()
    items = folder / "item_context.csv"
    pa_csv.write_csv(_items(log), items)
    return [path, items]


def _renamed(log: LiveLog, batch: pa.RecordBatch, arms: list[str]) -> pa.RecordBatch:
    columns = {
        "timestamp": pc.strftime(batch.column("decided_at"), "%Y-%m-%d %H:%M:%S%z"),
        "item_id": pc.index_in(batch.column("arm"), pa.array(arms)),
        "position": pa.array([1] * batch.num_rows),
        "click": batch.column("reward"),
        "propensity_score": batch.column("propensity"),
    }
    features = [*log.columns.numeric, *log.columns.categorical]
    columns |= {f"user_feature_{place}": batch.column(name) for place, name in enumerate(features)}
    return pa.RecordBatch.from_pydict(columns)


def _items(log: LiveLog) -> pa.Table:
    arms = log.spec["arms"]
    names = list(dict.fromkeys(name for arm in arms for name in arm.get("attributes", {})))
    columns: dict[str, list[object]] = {
        "item_id": list(range(len(arms))),
        "arm": [arm["value"] for arm in arms],
        "item_feature_0": [arm["reward_amount"] for arm in arms],
        "item_feature_1": [arm.get("event_type", "") for arm in arms],
        "item_feature_2": [arm.get("reward_kind", "") for arm in arms],
    }
    for place, name in enumerate(names, 3):
        columns[f"item_feature_{place}"] = [str(arm.get("attributes", {}).get(name, "")) for arm in arms]
    return pa.table(columns)
