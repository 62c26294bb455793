"""`winback import`: nothing twice and nothing lost, whatever is read again or cut off; rejected rows with reasons."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from experiments.connectors import Source
from experiments.connectors.connector import Malformed
from experiments.errors import InvalidError
from experiments.ingestion.importing import Importer, Order
from experiments.ingestion.importing_plan import Wish
from experiments.ingestion.importing_rejects import Rejects
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.core import Outcome, Unit
from experiments.model.tables.profiles import Import
from experiments.store.core.engine import reading
from experiments.store.units.activity import history, scan
from tests.examples import few

PAY = {"a": "unit_id", "b": "occurred_at", "c": "amount"}


@pytest.fixture
def importer(engine, settings):
    return Importer(engine, settings.history_path, SYSTEM)


def _write(path, rows, header="a,b,c"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def _order(path, tmp_path, kind="payments", mapping=PAY, **source):
    return Order(kind, Source(str(path), **source), Wish(mapping), tmp_path / "rejected.csv")


def _kept(importer, kind="payments"):
    with history(importer.engine, importer.folder) as duck:
        return sorted(duck.sql(f"SELECT unit_id, occurred_at, amount FROM {kind}").fetchall())


ROWS = [f"u{n % 5},2026-01-{n % 28 + 1:02d},{n % 3}.5" for n in range(200)]


def test_a_file_is_imported_once_and_twice_the_same_rows_stay_two(importer, tmp_path):
    path = _write(tmp_path / "pay.csv", [*ROWS, ROWS[0], ROWS[0]])
    report = importer.run(_order(path, tmp_path, batch_bytes=500))
    assert (report.read, report.accepted, report.rejected) == (202, 202, 0)
    kept = _kept(importer)
    assert len(kept) == 202
    again = importer.run(_order(path, tmp_path, batch_bytes=500))
    assert again.already and _kept(importer) == kept


def test_an_overlapping_export_brings_only_what_is_new(importer, tmp_path):
    importer.run(_order(_write(tmp_path / "one.csv", [*ROWS[:150], ROWS[0]]), tmp_path))
    report = importer.run(_order(_write(tmp_path / "two.csv", [*ROWS, ROWS[0], ROWS[0]]), tmp_path, batch_bytes=300))
    # Once each, and ROWS[0] as often as the export that has it most often.
    assert (report.accepted, report.duplicates) == (51, 151)
    assert len(_kept(importer)) == 202


def test_events_with_ids_count_once(importer, tmp_path):
    mapping = {**PAY, "d": "event_id"}
    rows = [f"{row},e{n % 150}" for n, row in enumerate(ROWS)]
    report = importer.run(
        _order(_write(tmp_path / "a.csv", rows, "a,b,c,d"), tmp_path, mapping=mapping, batch_bytes=400)
    )
    assert (report.accepted, report.duplicates) == (150, 50)


@few(4)
@given(st.lists(st.sampled_from(ROWS[:12]), min_size=1, max_size=30), st.lists(st.sampled_from(ROWS[:12]), min_size=1))
def test_two_exports_come_down_to_the_larger_count_of_each_row(sqlite_template, tmp_path_factory, first, second):
    from collections import Counter
    from shutil import copy

    from experiments.settings import Settings
    from experiments.store.core.engine import engine_for

    folder = tmp_path_factory.mktemp("union")
    copy(sqlite_template, folder / "w.db")
    engine = engine_for(Settings(database_url=f"sqlite:///{folder / 'w.db'}", _env_file=None))
    importer = Importer(engine, folder / "history", SYSTEM)
    for name, rows in (("one.csv", first), ("two.csv", second)):
        importer.run(_order(_write(folder / name, rows), folder, batch_bytes=60))
    assert len(_kept(importer)) == (Counter(first) | Counter(second)).total()
    engine.dispose()


def test_rejected_rows_are_in_the_file_with_their_reasons(importer, tmp_path):
    bad = [",2026-01-01,1", "u1,yesterday,1", "u1,2026-01-01,much", "u1,2999-01-01,1", "u1", "u1,2026-01-01,nan"]
    report = importer.run(_order(_write(tmp_path / "pay.csv", [*ROWS[:20], *bad]), tmp_path))
    assert (report.accepted, report.rejected, report.read) == (20, 6, 26)
    with Path(report.rejects).open() as stream:
        rows = list(csv.DictReader(stream))
    reasons = " | ".join(row["reason"] for row in rows)
    for said in (
        "unit_id: missing",
        "yesterday is not a time",
        "much is not a number",
        "lies in the future",
        "has 1 columns",
    ):
        assert said in reasons
    assert len(rows) == 6 and rows[1]["b"] == "yesterday"


def test_files_of_rejected_rows_are_never_overwritten(importer, tmp_path):
    precious = _write(tmp_path / "rejected.csv", ["mine"])
    reports = [
        importer.run(_order(_write(tmp_path / f"{name}.csv", [*ROWS[:3], f"u1,{name},1"]), tmp_path))
        for name in ("first", "second")
    ]
    assert precious.read_text() == "a,b,c\nmine\n"
    assert [Path(report.rejects).name for report in reports] == ["rejected.2.csv", "rejected.3.csv"]
    assert ["first" in Path(report.rejects).read_text() for report in reports] == [True, False]


@pytest.mark.parametrize("kept", [True, False])
def test_an_import_goes_on_from_another_directory_or_without_its_rejects(tmp_path, monkeypatch, kept):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    begun = Rejects(Path("r.csv"), 0)
    begun.add(["a"], [{"a": "1", "reason": "bad"}], [Malformed(7, "x", "no row")])
    size = begun.size
    begun.add(["a"], [{"a": "2", "reason": "not committed"}])
    monkeypatch.chdir(tmp_path)
    if not kept:
        begun.path.unlink()
    again = Rejects(begun.path, size)
    again.add(["a"], [{"a": "3", "reason": "bad"}])
    assert again.path == tmp_path / "here" / "r.csv" and again.size == again.path.stat().st_size
    assert again.reasons == ({"bad": 2, "no row": 1} if kept else {"bad": 1})


def test_a_dry_run_shows_the_types_and_writes_nothing(importer, tmp_path):
    report = importer.preview(_order(_write(tmp_path / "pay.csv", ROWS), tmp_path))
    assert report.columns["occurred_at"] == {"column": "b", "constant": None, "type": "time (iso)"}
    assert report.accepted == 200 and len(report.rows) == 5
    assert report.rows[0]["occurred_at"].endswith("Z") and "event_key" not in report.rows[0]
    assert not importer.folder.exists()
    with reading(importer.engine) as session:
        assert session.exec(select(Import)).all() == []


@pytest.mark.parametrize(
    ("times", "form"),
    [
        (["2026-01-01T10:00:00Z", "2026-01-01T12:00:00+02:00"], "iso"),
        (["20260101"], "yyyymmdd"),
        (["1767261600"], "seconds"),
        (["1767261600000"], "milliseconds"),
        (["31.12.2025 10:00"], "day.month.year"),
        (["31/12/2025"], "day/month/year"),
        (["12/31/2025"], "month/day/year"),
    ],
)
def test_times_are_understood(importer, tmp_path, times, form):
    report = importer.preview(_order(_write(tmp_path / "p.csv", [f"u,{each},1" for each in times]), tmp_path))
    assert report.columns["occurred_at"]["type"] == f"time ({form})"
    assert len({row["occurred_at"] for row in report.rows}) == 1


@pytest.mark.parametrize("rows", [["u,01/02/2026,1"], ["u,soon,1"]])
def test_times_that_may_mean_two_things_are_asked_about(importer, tmp_path, rows):
    with pytest.raises(InvalidError, match="time-format"):
        importer.preview(_order(_write(tmp_path / "p.csv", rows), tmp_path))


def test_a_database_with_a_watermark_gives_only_what_is_new(importer, tmp_path):
    path = tmp_path / "source.db"
    source = sqlite3.connect(path)
    source.execute("CREATE TABLE pay (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c REAL)")
    source.executemany("INSERT INTO pay (a, b, c) VALUES (?, ?, ?)", [row.split(",") for row in ROWS])
    source.commit()
    order = Order("payments", Source(f"sqlite:///{path}", "pay", "id", batch_rows=33), Wish(PAY, watermark="id"))
    assert importer.run(order).accepted == 200
    source.execute("INSERT INTO pay (a, b, c) VALUES ('u0', '2026-01-01', 0.5)")  # like the first, but another
    source.commit()
    report = importer.run(order)
    assert (report.read, report.accepted, report.watermark) == (2, 1, 201)
    assert importer.run(order).accepted == 0
    source.close()


def test_units_merge_and_outcomes_are_classified(importer, engine, tmp_path):
    _write(tmp_path / "u.csv", ["ana,3,DE,true", "ben,,AT,false"], "id,orders,country,vip")
    importer.run(Order("units", Source(str(tmp_path / "u.csv")), rejects=tmp_path / "r.csv"))
    _write(tmp_path / "v.csv", ["ana,4"], "id,orders")
    importer.run(Order("units", Source(str(tmp_path / "v.csv")), rejects=tmp_path / "r.csv"))
    with reading(engine) as session:
        assert json.loads(session.get(Unit, "ana").profile) == {"orders": 4, "country": "DE", "vip": True}
    rows = ["e1,ana,session,2026-01-01", "e1,ana,session,2026-01-01", "e2,ana,NO KIND,2026-01-01"]
    _write(tmp_path / "o.csv", rows, "event_id,unit_id,kind,occurred_at")
    report = importer.run(Order("outcomes", Source(str(tmp_path / "o.csv")), rejects=tmp_path / "r.csv"))
    assert (report.accepted, report.duplicates, report.rejected) == (1, 1, 1)
    assert report.classes == {"unattributed": 1, "duplicate": 1}
    assert "small letters" in report.reasons[0]["reason"] and "session" in report.reasons[0]["reason"]
    with reading(engine) as session:
        assert [row.event_id for row in session.exec(select(Outcome))] == ["e1"]


def test_scan_gives_arrow_batches(importer, tmp_path):
    importer.run(_order(_write(tmp_path / "pay.csv", ROWS), tmp_path))
    before = 1_767_484_800_000_000  # 2026-01-04
    batches = list(scan(importer.engine, importer.folder, "payments", ["unit_id", "occurred_at"], before))
    assert sum(batch.num_rows for batch in batches) == sum(row.split(",")[1] < "2026-01-04" for row in ROWS)


def test_a_killed_import_goes_on_where_it_was(sqlite_url, tmp_path):
    rows = [f"u{n % 1000},2026-01-{n % 28 + 1:02d},{n % 97}.5" for n in range(30_000)]
    path = _write(tmp_path / "pay.csv", [*rows, "u1,never,1"])
    place = tmp_path / "rejected.csv"
    call = [sys.executable, "-c", _CHILD, sqlite_url, str(tmp_path / "history"), str(path), str(place)]
    kills, environment = 0, {**os.environ, "PYTHONPATH": str(Path.cwd())}
    database = sqlite_url.removeprefix("sqlite:///")
    for wanted in (2, 6):
        child = subprocess.Popen(call, env=environment)
        until = time.monotonic() + 60
        while child.poll() is None and time.monotonic() < until and _parts(database) < wanted:
            time.sleep(0.002)
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            kills += 1
        child.wait()
    done = subprocess.run(
        call, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    report = json.loads(done.stdout.splitlines()[-1])
    assert kills and (report["resumed"] or report["already"])
    assert (report["read"], report["accepted"], report["rejected"], report["duplicates"]) == (30_001, 30_000, 1, 0)
    with place.open() as stream:
        assert len(list(csv.DictReader(stream))) == 1
    from experiments.settings import Settings
    from experiments.store.core.engine import engine_for

    engine = engine_for(Settings(database_url=sqlite_url, _env_file=None))
    with history(engine, tmp_path / "history") as duck:
        assert duck.sql("SELECT count(*), sum(amount) FROM payments").fetchall()[0] == (
            30_000,
            sum(n % 97 + 0.5 for n in range(30_000)),
        )
    engine.dispose()


def _parts(database):
    connection = sqlite3.connect(database, timeout=5)
    try:
        return connection.execute("SELECT count(*) FROM history_parts").fetchone()[0]
    finally:
        connection.close()


_CHILD = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from experiments.connectors import Source
from experiments.ingestion.importing import Importer, Order
from experiments.ingestion.importing_plan import Wish
from experiments.model.access.principal import SYSTEM
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
url, folder, path, rejects = sys.argv[1:]
importer = Importer(engine_for(Settings(database_url=url, _env_file=None), patient=True), Path(folder), SYSTEM)
wish = Wish({"a": "unit_id", "b": "occurred_at", "c": "amount"})
order = Order("payments", Source(path, batch_bytes=50_000), wish, Path(rejects))
print(json.dumps(asdict(importer.run(order)), default=str))
"""
