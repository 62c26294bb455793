"""Take a backup while the service runs."""

import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlalchemy import Engine

import migrations
from experiments.errors import ConflictError
from experiments.model.access.principal import Principal, require
from experiments.model.times import now, to_rfc3339
from experiments.services.backing_up.manifest import DATABASE, FILES, FORMAT, Manifest, files_below, summed, write
from experiments.settings import Settings
from experiments.store.core import copies_postgres, copies_sqlite
from experiments.store.core.engine import plain_url, reading, transaction
from experiments.store.units.erasures import made_key


def take_backup(settings: Settings, engine: Engine, principal: Principal, folder: Path) -> Manifest:
    """Copy the database, in one consistent state, and the data directory into an empty folder.

    Files are copied before the database and once more after it, so that every file that the copy of the database names
    is there; files are never changed once they are whole. Raises ForbiddenError without the scope `admin`,
    ConflictError where the folder is not empty.
    """
    require(principal, "admin")
    if folder.exists() and any(folder.iterdir()):
        raise ConflictError(f"{folder} is not empty; a backup needs a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    with transaction(engine) as session:
        made_key(session)  # who is erased after the backup is known by this key's hash
    with reading(engine) as session:
        revision = migrations.revision_of(session.connection())
    at = now()
    _copy_files(settings.history_path, folder / FILES)
    if settings.is_sqlite:
        copies_sqlite.dump(settings.sqlite_path, folder / DATABASE / "winback.db")
    else:
        copies_postgres.dump(plain_url(settings.database_url), folder / DATABASE)
    _copy_files(settings.history_path, folder / FILES)
    files = {str(path.relative_to(folder)): summed(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    kind = "sqlite" if settings.is_sqlite else "postgresql"
    manifest = Manifest(FORMAT, _program(), kind, str(revision), to_rfc3339(at), files)
    write(folder, manifest)
    return manifest


def _program() -> str:
    try:
        return version("winback")
    except PackageNotFoundError:  # run from its source, not installed
        return "source"


def _copy_files(source: Path, target: Path) -> None:
    """What is not there yet, or has grown; a file that goes away meanwhile is named by nobody any more."""
    for path in files_below(source) if source.exists() else ():
        copy = target / path.relative_to(source)
        try:
            if copy.exists() and _mark(copy) == _mark(path):
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
        except FileNotFoundError:
            continue


def _mark(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
