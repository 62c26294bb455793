"""Put a backup back, and erase in it who was erased since."""

import shutil
import time
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, delete
from sqlmodel import select

import migrations
from experiments.errors import ConflictError, Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.profiles import HistoryPart
from experiments.model.tables.sessions import SignIn
from experiments.services.access.auditing import begin_anew
from experiments.services.backing_up.manifest import DATABASE, FILES, Manifest, files_below, read_checked
from experiments.services.erasing import erase_again
from experiments.services.refreshing_features import compact_history
from experiments.settings import Settings
from experiments.store import audit, audit_anchors
from experiments.store.core import audit_seal, copies_postgres, copies_sqlite, presence
from experiments.store.core.engine import engine_for, plain_url, reading, transaction
from experiments.store.units import compaction, erasure_journal

_STAY = (erasure_journal.NAME, audit_seal.NAME, audit_anchors.NAME)
"""Files of a data directory that no restore takes away."""

_LATER = 2 * 3600.0
"""Nobody reads the files of before while a backup is put back."""


class Restored(NamedTuple):
    """What was put back, and how many persons were erased in it anew."""

    manifest: Manifest
    erased: int


def restore_backup(
    settings: Settings, principal: Principal, folder: Path, *, replace: bool = False, erasures: Path | None = None
) -> Restored:
    """Put a backup in the place of the configured database and data directory; nothing may be running over them.

    Whoever was erased after the backup, by the list that lies in the data directory and by the one in the folder
    `erasures`, is erased in what was put back. Raises ForbiddenError without the scope `admin`, InvalidError where the
    backup is not whole or of another kind, ConflictError where any process is at the place, and where it is not empty,
    unless `replace`.
    """
    require(principal, "admin")
    manifest = read_checked(folder)
    _check(settings, manifest)
    if erasures is not None and not (erasures / erasure_journal.NAME).is_file():
        remedy = (
            f"name the data directory of the service in which people were erased since, with {erasure_journal.NAME}"
        )
        raise InvalidError([Fault("/erasures", f"{erasures} holds no list of erasures; {remedy}")])
    with presence.alone(settings):
        if not replace and not _is_empty(settings):
            raise ConflictError(
                "a database or a data directory is in this place already; --replace puts the backup there"
            )
        return _put_back(settings, principal, (folder, manifest), erasures)


def _put_back(
    settings: Settings, principal: Principal, backup: tuple[Path, Manifest], erasures: Path | None
) -> Restored:
    folder, manifest = backup
    lists = [place for place in (settings.history_path, erasures) if place is not None]
    known = [line for place in lists for line in erasure_journal.read(place).values()]
    _take_seal(folder / FILES, settings.history_path)
    _put_files(folder / FILES, settings.history_path)
    erasure_journal.extend(settings.history_path, known)
    _put_database(settings, manifest, folder / DATABASE)
    engine = engine_for(settings, patient=True)
    try:
        begin_anew(engine, f"a backup of {manifest.at} was put back")
        erased = erase_again(engine, principal, list(erasure_journal.read(settings.history_path).values()))
        _clean_files(engine, settings.history_path)
        with transaction(engine) as session:
            # What ended since the backup would live again.
            session.execute(delete(SignIn))
            told = {"database": manifest.kind, "revision": manifest.revision, "erased": erased}
            audit.append(session, principal, "backup.restore", manifest.at, told)
    finally:
        engine.dispose()
    return Restored(manifest, erased)


def _check(settings: Settings, manifest: Manifest) -> None:
    here = "sqlite" if settings.is_sqlite else "postgresql"
    if manifest.kind != here:
        raise InvalidError([Fault("/backup", f"the backup is of {manifest.kind}, the configured database is {here}")])
    if not migrations.is_known(manifest.revision):
        raise InvalidError(
            [Fault("/backup", f"its tables are of version {manifest.revision}, newer than this program")]
        )


def _is_empty(settings: Settings) -> bool:
    # What is meant to outlive what is restored is no reason to refuse.
    files = [path for path in files_below(settings.history_path) if path.name not in _STAY]
    if settings.is_sqlite:
        return not files and not settings.sqlite_path.exists()
    return not files and copies_postgres.is_empty(plain_url(settings.database_url))


def _put_database(settings: Settings, manifest: Manifest, source: Path) -> None:
    if settings.is_sqlite:
        copies_sqlite.load(source / "winback.db", settings.sqlite_path)
    else:
        copies_postgres.clear(plain_url(settings.database_url))
        migrations.upgrade(settings.database_url, manifest.revision)
        copies_postgres.load(source, plain_url(settings.database_url))
    migrations.upgrade(settings.database_url)


def _take_seal(source: Path, target: Path) -> None:
    """The backup's key of the audit trail and its anchors, where there are none here or those of another trail.

    The anchors that are here know what came after the backup: that it is gone is then seen to be a restore.
    """
    key, anchors = source / audit_seal.NAME, source / audit_anchors.NAME
    other = key.exists() and (not (target / key.name).exists() or _text(key) != _text(target / key.name))
    for path in (key, anchors):
        if path.exists() and (other or not (target / path.name).exists()):
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / path.name)


def _text(path: Path) -> str:
    return path.read_text().strip()


def _put_files(source: Path, target: Path) -> None:
    """The backup's files, and no others but those that stay."""
    for path in files_below(target) if target.exists() else ():
        if path.name not in _STAY:
            path.unlink()
    for path in files_below(source) if source.exists() else ():
        copy = target / path.relative_to(source)
        if path.name in (audit_seal.NAME, audit_anchors.NAME):
            continue
        if path.name == erasure_journal.NAME:
            erasure_journal.extend(target, erasure_journal.read(source).values())
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)


def _clean_files(engine: Engine, folder: Path) -> None:
    compact_history(engine, folder)
    with reading(engine) as session:
        named = set(session.exec(select(HistoryPart.path)).all())
    compaction.sweep(folder, named, time.time() + _LATER)
