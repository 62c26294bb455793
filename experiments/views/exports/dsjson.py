"""Vowpal Wabbit's decision-service JSON: one decision a line, actions in the order of the eligible arms.

The line's cost is minus the reward, because Vowpal Wabbit minimises. Actions are numbered from 1 over `c._multi`.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from experiments.views.exports.live_log import LiveLog

_encode = msgspec.json.Encoder().encode


def write_dsjson(log: LiveLog, folder: Path, progress: Callable[[int], None]) -> list[Path]:
    """`log.dsjson`."""
    folder.mkdir(parents=True, exist_ok=True)
    path, written = folder / "log.dsjson", 0
    arms = {arm["value"]: _described(arm) for arm in log.spec["arms"]}
    with path.open("wb") as file:
        for batch in log.batches():
            file.writelines(_encode(line) + b"\n" for line in _lines(log, batch, arms))
            written += batch.num_rows
            progress(written)
    return [path]


def _lines(log: LiveLog, batch: pa.RecordBatch, arms: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    columns = log.columns
    for row in batch.to_pylist():
        chosen = row["eligible"].index(row["arm"])
        shared = {name: row[column] for column, name in {**columns.numeric, **columns.categorical}.items()}
        yield {
            "_label_cost": -row["reward"],
            "_label_probability": row["propensity"],
            "_label_Action": chosen + 1,
            "_labelIndex": chosen,
            "Timestamp": row["decided_at"].isoformat().replace("+00:00", "Z"),
            "Version": "1",
            "EventId": row["decision_id"],
            "a": [chosen + 1, *(place + 1 for place in range(len(row["eligible"])) if place != chosen)],
            "c": {
                "User": {name: value for name, value in shared.items() if value is not None},
                "_multi": [{"Arm": arms[key]} for key in row["eligible"]],
            },
            "p": [row["propensity"], *(p for place, p in enumerate(row["pmf"]) if place != chosen)],
            "o": [{"EventId": row["decision_id"], "v": row["reward"]}],
            "VWState": {"m": str(row["snapshot_id"] or "")},
        }


def _described(arm: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {f"attribute.{name}": value for name, value in arm.get("attributes", {}).items()}
    return {"key": arm["value"], **{k: v for k, v in arm.items() if k not in ("value", "attributes")}, **attributes}
