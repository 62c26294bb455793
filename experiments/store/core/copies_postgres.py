"""Copies of a PostgreSQL database, taken while others write: COPY of every table in one transaction's snapshot."""

from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from experiments.model.tables import SQLModel

_TABLES = sorted(SQLModel.metadata.tables)
_COLUMNS = """
SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s
ORDER BY ordinal_position
"""
_SERIALS = """
SELECT s.relname, t.relname, a.attname FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')
JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S'
"""
_AT_ONCE = 1 << 20


def dump(url: str, folder: Path) -> None:
    """One consistent state: a file for each table, with its columns in the first line."""
    folder.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for table in _TABLES:
            columns = [name for (name,) in connection.execute(_COLUMNS, (table,))]
            query = sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(table), _listed(columns))
            with (folder / f"{table}.copy").open("wb") as file, connection.cursor().copy(query) as copy:
                file.write(",".join(columns).encode() + b"\n")
                for data in copy:
                    file.write(data)


def load(folder: Path, url: str) -> None:
    """Put the rows of a copy in the place of all rows, in one transaction; the tables are of the copy's version."""
    with psycopg.connect(url) as connection:
        paths = sorted(folder.glob("*.copy"))
        connection.execute(sql.SQL("TRUNCATE {}").format(_listed([path.stem for path in paths])))
        for path in paths:
            with path.open("rb") as file:
                columns = file.readline().decode().strip().split(",")
                query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(path.stem), _listed(columns))
                with connection.cursor().copy(query) as copy:
                    while data := file.read(_AT_ONCE):
                        copy.write(data)
        for sequence, table, column in connection.execute(_SERIALS).fetchall():
            names = sql.Literal(sequence), sql.Identifier(column), sql.Identifier(table)
            connection.execute(sql.SQL("SELECT setval({}, coalesce(max({}), 0) + 1, false) FROM {}").format(*names))


def is_empty(url: str) -> bool:
    """Whether the database holds no rows of ours, settings aside."""
    with psycopg.connect(url) as connection:
        there = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        names = [sql.Identifier(name) for name in _TABLES if name in there and name != "service_settings"]
        anything = (sql.SQL("SELECT EXISTS (SELECT 1 FROM {})").format(name) for name in names)
        return not any(connection.execute(query).fetchone() == (True,) for query in anything)


def clear(url: str) -> None:
    """Drop our tables: those of a copy may be of another version."""
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_listed([*_TABLES, "alembic_version"])))


def _listed(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
