"""Copies of the embedded database, taken while others write."""

import sqlite3
from contextlib import closing
from pathlib import Path


def dump(database: Path, target: Path) -> None:
    """One consistent state of the database as a file: SQLite's online backup in one step, while writers go on."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it


def load(source: Path, database: Path) -> None:
    """Put a copy in the place of the database, in one transaction: whoever has it open sees what was put back."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(source)) as copy, closing(sqlite3.connect(database)) as target:
        copy.backup(target)
