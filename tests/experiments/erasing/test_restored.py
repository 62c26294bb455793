"""Backups are whole and taken while others write; what is put back holds nobody who was erased since."""

import json
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from experiments.errors import ConflictError, InvalidError, UnauthenticatedError
from experiments.model.access.principal import SYSTEM
from experiments.services.access.auditing import verify_audit
from experiments.services.access.granting_users import create_user
from experiments.services.access.limiting_guesses import Origin
from experiments.services.access.signing_in import SignIns
from experiments.services.backing_up.backup import take_backup
from experiments.services.backing_up.restore import restore_backup
from experiments.services.rebuilding import rebuilder as rebuilding
from experiments.store.core.engine import engine_for, reading
from tests.experiments.batches.base import run
from tests.experiments.erasing.base import ASK, MARK, everywhere, found, outcome, report


@pytest.fixture
def filled(service, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.store.units.compaction._GRACE", -1.0)
    return everywhere(service, tmp_path)


@pytest.fixture
def backup(service, filled, tmp_path):
    folder = tmp_path / "backup"
    take_backup(service.settings, service.engine, SYSTEM, folder)
    return folder


def _rows(engine):
    """Every row of what is decided and told, in an order of its own."""
    tables = ("decisions", "outcomes", "batches", "segment_members", "history_parts")
    with reading(engine) as session:
        execute = session.connection().execute
        rows = {name: execute(text(f"SELECT * FROM {name} ORDER BY 1, 2")).all() for name in tables}
    return {name: [tuple(map(str, row)) for row in stored] for name, stored in rows.items()}


def _files(folder):
    """All but locks, and the anchors of the audit trail, which are only ever appended to."""
    files = [path for path in folder.rglob("*") if path.is_file() and "locks" not in path.parts]
    return {path: path.read_bytes() for path in files if path.name != "audit.anchors"}


def test_what_is_put_back_is_what_was_there(service, backup):
    before, folder = _rows(service.engine), service.settings.history_path
    files = _files(folder)
    service.client.put("/v1/units/later", json={"profile": {}})
    assert service.client.delete("/v1/units/ben").status_code == 204
    service.engine.dispose()
    with pytest.raises(ConflictError, match="--replace"):
        restore_backup(service.settings, SYSTEM, backup)
    (folder / "erasures.jsonl").unlink()  # as on a machine that has nothing but the backup
    restored = restore_backup(service.settings, SYSTEM, backup, replace=True)
    assert restored.erased == 0
    assert _rows(service.engine) == before
    assert _files(folder) == files
    newest = service.client.get("/v1/audit").json()["items"][0]
    assert (newest["action"], newest["target"]) == ("backup.restore", restored.manifest.at)
    assert verify_audit(service.engine, SYSTEM).broken_at is None
    assert service.client.post("/v1/experiments/win/assignments", json={"unit_id": "ben"}).json()["reason"] == "repeat"
    # Numbers go on where they were: nothing new meets what is there.
    assert service.client.post("/v1/experiments/win/batches", json={}).status_code == 202


def test_who_was_erased_after_the_backup_is_erased_in_what_is_put_back(service, filled, backup):
    client, folder = service.client, service.settings.history_path
    assert client.delete(f"/v1/units/{MARK}").status_code == 204
    service.engine.dispose()
    assert restore_backup(service.settings, SYSTEM, backup, replace=True).erased == 1
    for number in (filled["queued"], filled["over_all"]):
        run(service.settings, service.engine, number)
    assert {place for place in found(service.engine, folder) if not place.startswith("batches/")} == set()
    assert client.post("/v1/experiments/win/assignments", json=ASK).json()["reason"] == "erased"
    new = outcome("new", unit_id=MARK)
    assert report(client, *filled["events"], new) == ["duplicate", "duplicate", "erased"]
    assert restore_backup(service.settings, SYSTEM, backup, replace=True).erased == 1, "as often as it is put back"


def test_no_sign_in_of_before_lives_again(service, tmp_path):
    create_user(service.engine, SYSTEM, "ana@example.com", "correct horse battery", "viewer", own=True)
    people = SignIns(service.engine)
    token = people.sign_in("ana@example.com", "correct horse battery", Origin("192.0.2.1")).token
    take_backup(service.settings, service.engine, SYSTEM, tmp_path / "backup")
    people.sign_out(token)
    service.engine.dispose()
    restore_backup(service.settings, SYSTEM, tmp_path / "backup", replace=True)
    with pytest.raises(UnauthenticatedError):
        people.person(token)


def test_a_list_from_elsewhere_counts(service, filled, backup, tmp_path):
    assert service.client.delete(f"/v1/units/{MARK}").status_code == 204
    service.engine.dispose()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (service.settings.history_path / "erasures.jsonl").rename(elsewhere / "erasures.jsonl")
    assert restore_backup(service.settings, SYSTEM, backup, replace=True, erasures=elsewhere).erased == 1
    assert (service.settings.history_path / "erasures.jsonl").exists()


@pytest.mark.parametrize("wrong", ["nowhere", "empty", "the list itself"])
def test_a_list_that_is_not_there_is_no_list_without_anybody(service, filled, backup, tmp_path, wrong):
    """Else who was erased would be back, behind a message of success."""
    assert service.client.delete(f"/v1/units/{MARK}").status_code == 204
    place = tmp_path / wrong
    if wrong == "empty":
        place.mkdir()
    elif wrong == "the list itself":
        place = service.settings.history_path / "erasures.jsonl"
    before = _rows(service.engine)
    with pytest.raises(InvalidError) as refused:
        restore_backup(service.settings, SYSTEM, backup, replace=True, erasures=place)
    assert "name the data directory" in refused.value.faults[0].detail
    assert _rows(service.engine) == before


@pytest.mark.parametrize("fault", ["changed", "missing", "no manifest", "outside"])
def test_a_backup_that_is_not_whole_is_refused(service, backup, fault):
    path = next(path for path in sorted((backup / "files").rglob("*.parquet")))
    if fault == "changed":
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    elif fault == "missing":
        path.unlink()
    elif fault == "no manifest":
        (backup / "manifest.json").unlink()
    else:
        manifest = json.loads((backup / "manifest.json").read_text())
        manifest["files"]["../winback.db"] = {"sha256": "", "size": 0}
        (backup / "manifest.json").write_text(json.dumps(manifest))
    before = _rows(service.engine)
    with pytest.raises(InvalidError):
        restore_backup(service.settings, SYSTEM, backup, replace=True)
    assert _rows(service.engine) == before


def test_a_backup_goes_into_a_folder_of_its_own(service, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    with pytest.raises(ConflictError):
        take_backup(service.settings, service.engine, SYSTEM, tmp_path / "full")


def test_a_backup_is_one_state_while_others_write(service, filled, tmp_path):
    """Each unit is put and asked for in this order, so that no state has a later decision without an earlier one."""
    client, stop = service.client, threading.Event()

    def write() -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            client.post("/v1/experiments/win/assignments", json={"unit_id": f"w{number:05}", "context": {"orders": 3}})

    writer = threading.Thread(target=write)
    writer.start()
    folders = [Path(tmp_path / f"b{n}") for n in range(2)]
    try:
        for folder in folders:
            take_backup(service.settings, service.engine, SYSTEM, folder)
    finally:
        stop.set()
        writer.join()
    service.engine.dispose()
    for folder in folders:
        restore_backup(service.settings, SYSTEM, folder, replace=True)
        engine = engine_for(service.settings)
        with reading(engine) as session:
            query = "SELECT unit_id FROM decisions WHERE unit_id LIKE 'w%' ORDER BY unit_id"
            found_units = session.connection().execute(text(query)).scalars().all()
        engine.dispose()
        decided = [f"w{number:05}" for number in range(len(found_units))]
        assert found_units == decided
    assert rebuilding.compare(service.engine, SYSTEM, "win", lambda *_: None).agrees
