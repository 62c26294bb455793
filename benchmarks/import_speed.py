"""History into features, rows per second, beside a plain read of the same columns; and imports of CSV and Parquet.

python -m benchmarks import_speed [ROWS]
"""

import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

import migrations
from bandit.history import DAY, feature_columns
from experiments.connectors import Source
from experiments.ingestion.importing import Importer, Order
from experiments.model.access.principal import SYSTEM
from experiments.model.history import HISTORY
from experiments.services.refreshing_features import refresh_features
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from experiments.store.units.activity import Part, create_view, open_duckdb, write_part
from experiments.store.units.facts import fact_columns, facts

NOW = 20_000 * DAY
ROUNDS = 3
PER_UNIT = 50


def events(rows: int, kind: str, seed: int) -> pa.Table:
    """Rows of a kind over two years, about PER_UNIT for each unit."""
    rng = np.random.default_rng(seed)
    units = pa.array([f"unit-{n:09d}" for n in range(max(rows // PER_UNIT, 1))])
    columns = {
        "event_key": pa.array(rng.integers(0, 2**63, rows), pa.uint64()),
        "unit_id": units.take(pa.array(rng.integers(0, len(units), rows))),
        "occurred_at": pa.array(NOW - rng.integers(1, 730 * DAY, rows)),
    }
    if kind == "payments":
        columns |= {"amount": pa.array(np.round(rng.gamma(2, 10, rows), 2)), "quantity": pa.nulls(rows, pa.float64())}
    else:
        columns |= {"kind": pa.nulls(rows, pa.string()), "value": pa.nulls(rows, pa.float64())}
    return pa.table(columns).cast(HISTORY[kind])


def best(call) -> float:
    """Seconds of the fastest round."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def features(folder: Path, rows: int) -> None:
    """Rows into features of all units at one instant, and a plain read of the columns that they are made of."""
    halves = {"activity": rows // 2, "payments": rows - rows // 2}
    parts: dict[str, list[Part]] = {kind: [] for kind in HISTORY}
    for place, (kind, count) in enumerate(halves.items()):
        path = f"{kind}/0/0.parquet"
        write_part(folder, path, events(count, kind, place))
        parts[kind] = [Part(place, path, count, 0, NOW)]

    def compute() -> int:
        with open_duckdb(folder) as duck:
            for kind, found in parts.items():
                create_view(duck, folder, kind, found)
            table = facts(duck, NOW).to_arrow_table()
        feature_columns(fact_columns(table), float(NOW))
        return table.num_rows

    def read() -> None:
        pq.read_table(folder / "activity/0/0.parquet", columns=["unit_id", "occurred_at"])
        pq.read_table(folder / "payments/0/0.parquet", columns=["unit_id", "occurred_at", "amount"])

    plain, made = best(read), best(compute)
    print(f"{rows:,} rows of {compute():,} units")
    print(f"plain read of the same columns  {rows / plain:12,.0f} rows/s")
    print(f"into features                   {rows / made:12,.0f} rows/s  ratio {plain / made:.3f}")


def imports(folder: Path, rows: int) -> None:
    """The whole way of a file: read, typed, checked, kept; and the facts of its units into the database."""
    given = events(rows, "payments", 7).select(["unit_id", "occurred_at", "amount"])
    pa_csv.write_csv(given, folder / "pay.csv")
    pq.write_table(given, folder / "pay.parquet")
    readers = {
        "csv": lambda: pa_csv.read_csv(folder / "pay.csv"),
        "parquet": lambda: pq.read_table(folder / "pay.parquet"),
    }
    for kind, read in readers.items():
        url = f"sqlite:///{folder / kind}.db"
        migrations.upgrade(url)
        engine = engine_for(Settings(database_url=url, _env_file=None), patient=True)
        began = time.perf_counter()
        report = Importer(engine, folder / kind, SYSTEM).run(Order("payments", Source(str(folder / f"pay.{kind}"))))
        taken = time.perf_counter() - began
        assert report.accepted == rows, report
        print(f"import of {kind:<8} {rows / taken:12,.0f} rows/s  ratio to a plain read {best(read) / taken:.3f}")
        began = time.perf_counter()
        units = refresh_features(engine, SYSTEM, folder / kind)
        print(f"  facts of {units:,} units into the database: {units / (time.perf_counter() - began):,.0f} units/s")
        engine.dispose()
        shutil.rmtree(folder / kind)


def main() -> None:
    """Both."""
    rows = int(sys.argv[-1]) if sys.argv[-1].isdigit() else 10_000_000
    with TemporaryDirectory(prefix="winback-import-") as name:
        features(Path(name) / "history", rows)
        imports(Path(name), max(rows // 5, 1))


if __name__ == "__main__":
    main()
