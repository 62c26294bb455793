"""Nobody puts a backup in a place where a process runs: real processes, ended in every way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from cli.running.ports import free_port
from experiments.errors import ConflictError
from experiments.model.access.principal import SYSTEM
from experiments.services.attending import present
from experiments.services.backing_up.backup import take_backup
from experiments.services.backing_up.restore import restore_backup
from experiments.store.core import lease
from experiments.store.core.engine import reading, transaction
from experiments.store.core.presence import alone

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def backup(settings, engine, tmp_path):
    folder = tmp_path / "backup"
    take_backup(settings, engine, SYSTEM, folder)
    engine.dispose()
    return folder


def _started(settings, command, port):
    told = {
        "PYTHONPATH": str(ROOT),
        "WINBACK_DATABASE_URL": settings.database_url,
        "WINBACK_DATA_DIR": str(settings.history_path),
        "WINBACK_API_PORT": str(port),
    }
    return subprocess.Popen([sys.executable, "-m", "cli", command], env={**os.environ, **told})


def _within(seconds, is_so):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code < 500
    except httpx.TransportError:
        return False


def _refused(settings, backup):
    try:
        restore_backup(settings, SYSTEM, backup, replace=True)
    except ConflictError as error:
        return str(error)
    return ""


def _acts(engine):
    with reading(engine) as session:
        return bool(
            session.connection().execute(text("SELECT count(*) FROM worker_leases WHERE expires_at > 1")).scalar()
        )


def test_an_api_that_runs_keeps_the_backup_out_and_one_that_was_killed_does_not(settings, backup):
    port = free_port()
    process = _started(settings, "api", port)
    try:
        _within(60, lambda: _answers(port))
        assert "stop it" in _refused(settings, backup)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        _within(10, lambda: not _refused(settings, backup))
    finally:
        process.kill()
        process.wait()


def test_a_worker_that_runs_keeps_the_backup_out(settings, engine, backup):
    process = _started(settings, "worker", free_port())
    try:
        # Asking by restoring would keep the worker out: a process that starts under a restore is refused.
        _within(60, lambda: _acts(engine))
        assert "stop it" in _refused(settings, backup)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_lease_that_lives_keeps_the_backup_out_until_it_ends(settings, engine, backup):
    if not settings.is_sqlite:
        holder = lease.AdvisoryLock(engine)
        assert holder.try_lock()
        assert "stop it" in _refused(settings, backup)
        holder.unlock()
        holder.let_go()
        assert _refused(settings, backup) == ""
        return
    assert lease.take(engine, "elsewhere", 60_000_000, at_once=True) is not None
    assert "ends by itself in 60 seconds" in _refused(settings, backup)
    with transaction(engine) as session:
        session.connection().execute(text("UPDATE worker_leases SET expires_at = 1"))
    engine.dispose()
    assert _refused(settings, backup) == ""


def test_who_comes_while_a_backup_is_put_back_waits_for_another_time(settings):
    with alone(settings), pytest.raises(ConflictError, match="start again"), present(settings):
        pytest.fail("it is there")
    with present(settings), present(settings), pytest.raises(ConflictError), alone(settings):
        pytest.fail("it is alone")
    with alone(settings):
        pass
