"""Whoever can write to the database alone cannot change the audit trail unseen; who restores is told from who cuts."""

import hashlib
import json
import shutil
import stat

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from experiments.errors import ConflictError, InvalidError, UnavailableError
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.core import AuditEntry
from experiments.services.access.auditing import accept_audit, verify_audit
from experiments.services.access.granting_keys import create_key
from experiments.services.backing_up.backup import take_backup
from experiments.services.backing_up.restore import restore_backup
from experiments.store import audit_anchors
from experiments.store.core import audit_seal
from experiments.store.core.engine import engine_for, reading, transaction

ENTRIES = 6


@pytest.fixture
def written(engine):
    for number in range(ENTRIES):
        create_key(engine, SYSTEM, f"key {number}", ["read"])
    assert _problems(engine) == ()
    return engine


def _problems(engine, noted=None):
    return tuple(verify_audit(engine, SYSTEM, noted).problems)


def _run(engine, statement, **values):
    with transaction(engine) as session:
        session.connection().execute(text(statement), values)


def _entries(engine):
    with reading(engine) as session:
        return session.exec(select(AuditEntry).order_by(col(AuditEntry.number))).all()


def _rechain(engine, *, keep_names):
    """What somebody does who knows the code and has no key: every digest anew, from the beginning."""
    previous = "0" * 64
    with transaction(engine) as session:
        for entry in session.exec(select(AuditEntry).order_by(col(AuditEntry.number))).all():
            entry.previous = previous
            parts = [entry.previous, entry.at, entry.actor, entry.action, entry.target, entry.detail]
            entry.digest = previous = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
            entry.sealed_by = entry.sealed_by if keep_names else None
            session.add(entry)


def test_a_whole_trail_is_whole(written, settings):
    check = verify_audit(written, SYSTEM)
    assert (check.entries, check.anchored, check.broken_at, check.problems) == (ENTRIES, ENTRIES, None, [])
    key, anchors = (settings.history_path / name for name in (audit_seal.NAME, audit_anchors.NAME))
    assert [stat.S_IMODE(path.stat().st_mode) for path in (key, anchors)] == [0o600, 0o600]
    assert key.read_text().strip() not in str([each.model_dump() for each in _entries(written)])


@pytest.mark.parametrize("last", [1, 3, ENTRIES])
def test_a_cut_tail_shows(written, last):
    _run(written, "DELETE FROM audit_entries WHERE number > :left", left=ENTRIES - last)
    (problem,) = _problems(written)
    assert f"entries {ENTRIES - last + 1} to {ENTRIES} were cut off" in problem
    create_key(written, SYSTEM, "goes on", ["read"])
    assert "not the one that was anchored" in _problems(written)[0]


@pytest.mark.parametrize("column", ["actor", "action", "target", "detail"])
def test_an_edited_entry_shows(written, column):
    _run(written, f"UPDATE audit_entries SET {column} = 'x' WHERE number = 3")
    check = verify_audit(written, SYSTEM)
    assert check.broken_at is not None and "entry 3" in check.problems[0]


def test_an_entry_that_is_taken_out_shows(written):
    _run(written, "DELETE FROM audit_entries WHERE number = 3")
    assert "entry 3 of the audit trail is missing" in _problems(written)[0]
    _run(written, "UPDATE audit_entries SET number = number - 1 WHERE number = 4")
    assert _problems(written)


@pytest.mark.parametrize("keep_names", [True, False])
@pytest.mark.parametrize("anchors", ["kept", "deleted"])
def test_a_trail_that_is_chained_anew_without_the_key_shows(written, settings, keep_names, anchors):
    _run(written, "UPDATE audit_entries SET actor = 'key:somebody else' WHERE number = 2")
    _rechain(written, keep_names=keep_names)
    if anchors == "deleted":
        (settings.history_path / audit_anchors.NAME).unlink()
    assert _problems(written)


def test_an_entry_without_a_seal_cannot_follow_one_that_has_one(written):
    last = _entries(written)[-1]
    parts = [last.digest, 1, "system", "nothing", "x", "{}"]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    _run(
        written,
        "INSERT INTO audit_entries (number, at, actor, action, target, detail, previous, digest) "
        "VALUES (:number, 1, 'system', 'nothing', 'x', '{}', :previous, :digest)",
        number=last.number + 1, previous=last.digest, digest=digest,
    )  # fmt: skip
    assert "has no seal" in _problems(written)[0]


def test_anchors_that_are_deleted_or_changed_show(written, settings):
    path = settings.history_path / audit_anchors.NAME
    kept = path.read_bytes()
    path.unlink()
    assert "no anchors" in _problems(written)[0]
    path.write_bytes(kept.replace(b'"count":2', b'"count":1'))
    assert "line 2" in _problems(written)[0]
    path.write_bytes(kept + b'{"count":7,"dig')
    assert _problems(written) == (), "a crash may cut off the last line"
    create_key(written, SYSTEM, "one more", ["read"])
    assert _problems(written) == ()
    assert verify_audit(written, SYSTEM).anchored == ENTRIES + 1


def test_the_log_tells_what_both_were_cut_of(written, settings):
    head = verify_audit(written, SYSTEM)
    noted = f"{head.entries}:{head.head}"
    assert _problems(written, noted) == ()
    _run(written, "DELETE FROM audit_entries WHERE number > 4")
    path = settings.history_path / audit_anchors.NAME
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))
    assert _problems(written) == ()
    assert "entries 5 to 6 were cut off" in _problems(written, noted)[0]
    with pytest.raises(InvalidError):
        _problems(written, "6")


def test_an_older_copy_is_told_from_a_restored_one(written, settings, tmp_path):
    backup = tmp_path / "backup"
    take_backup(settings, written, SYSTEM, backup)
    for number in range(3):
        create_key(written, SYSTEM, f"later {number}", ["read"])
    assert verify_audit(written, SYSTEM).entries == ENTRIES + 3
    _run(written, "DELETE FROM audit_entries WHERE number > :left", left=ENTRIES)
    assert "cut off" in _problems(written)[0]
    written.dispose()
    restore_backup(settings, SYSTEM, backup, replace=True)
    check = verify_audit(written, SYSTEM)
    assert (check.problems, check.entries, check.anchored) == ([], ENTRIES + 1, ENTRIES + 1)
    assert len(check.restores) == 1 and "backup" in check.restores[0]
    assert _entries(written)[-1].action == "backup.restore"
    _run(written, "DELETE FROM audit_entries WHERE number > :left", left=ENTRIES)
    assert "cut off" in _problems(written)[0], "the restore itself cannot be cut off either"


def test_backups_of_both_sides_of_a_restore_can_be_put_back(written, settings, tmp_path):
    backups = [tmp_path / "first", tmp_path / "second"]
    take_backup(settings, written, SYSTEM, backups[0])
    create_key(written, SYSTEM, "later", ["read"])
    take_backup(settings, written, SYSTEM, backups[1])
    written.dispose()
    for backup in (*backups, *backups):
        restore_backup(settings, SYSTEM, backup, replace=True)
        assert _problems(written) == ()
        written.dispose()


def test_a_backup_is_whole_on_a_machine_that_has_nothing_else(written, settings, tmp_path):
    backup = tmp_path / "backup"
    take_backup(settings, written, SYSTEM, backup)
    written.dispose()
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    restore_backup(elsewhere, SYSTEM, backup, replace=True)
    engine = engine_for(elsewhere)
    assert _problems(engine) == ()
    engine.dispose()


def test_what_was_put_in_place_by_hand_is_accepted_with_a_reason(written):
    _run(written, "DELETE FROM audit_entries WHERE number > 4")
    with pytest.raises(InvalidError):
        accept_audit(written, SYSTEM, " ")
    accept_audit(written, SYSTEM, "copied back after the disk failed")
    check = verify_audit(written, SYSTEM)
    assert (check.problems, check.entries) == ([], 5)
    assert "disk failed" in check.restores[0] and _entries(written)[-1].action == "audit.accept"
    _run(written, "UPDATE audit_entries SET actor = 'x' WHERE number = 2")
    with pytest.raises(ConflictError):
        accept_audit(written, SYSTEM, "never mind")


def test_another_key_is_named(written, settings):
    other = engine_for(settings.model_copy(update={"audit_key": "x" * 32}))
    assert "WINBACK_AUDIT_KEY" in _problems(other)[0]
    other.dispose()


def test_entries_from_before_there_was_a_key_are_held_from_the_first_that_has_one(engine, settings):
    for number in range(3):
        create_key(engine, SYSTEM, f"old {number}", ["read"])
    shutil.rmtree(settings.history_path)
    _rechain(engine, keep_names=False)
    fresh = engine_for(settings)
    assert _problems(fresh) == ()
    create_key(fresh, SYSTEM, "new", ["read"])
    assert (_problems(fresh), verify_audit(fresh, SYSTEM).entries) == ((), 4)
    _run(fresh, "UPDATE audit_entries SET actor = 'x' WHERE number = 1")
    _rechain(fresh, keep_names=True)
    assert _problems(fresh)
    fresh.dispose()


def test_a_change_that_is_undone_is_not_anchored(written, settings):
    path = settings.history_path / audit_anchors.NAME
    before = path.read_bytes()
    with pytest.raises(RuntimeError), transaction(written) as session:
        from experiments.store import audit

        audit.append(session, SYSTEM, "nothing", "x", {})
        raise RuntimeError
    assert path.read_bytes() == before and _problems(written) == ()


def test_without_a_key_nothing_is_changed(engine, settings):
    settings.history_path.parent.mkdir(parents=True, exist_ok=True)
    settings.history_path.write_text("no folder")
    with pytest.raises(UnavailableError, match="WINBACK_AUDIT_KEY"):
        create_key(engine, SYSTEM, "key", ["read"])
    assert _entries(engine) == []
