"""Databases of a real PostgreSQL for tests."""

from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy.engine import make_url

import migrations


class PostgresDatabases:
    """Migrated databases on one server, each used by one test at a time and emptied in between.

    A new one costs the server a checkpoint, which takes a second where two processes ask for them all the time.
    """

    def __init__(self, server: str) -> None:
        self.server = make_url(server)
        self._schema: list[Any] = []
        self._made: list[str] = []
        self._free: list[str] = []

    def url(self, name: str) -> str:
        return self.server.set(database=name).render_as_string(hide_password=False)

    def lend(self) -> tuple[str, str]:
        """The name and the URL of one that is empty and that nobody uses."""
        name = self._free.pop() if self._free else self._create()
        return name, self.url(name)

    def give_back(self, name: str) -> None:
        """Whatever is still connected is cut off. One whose tables are no longer what they were is not lent again."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(_CUT_OFF)
            if connection.execute(_SCHEMA).fetchall() == self._schema:
                _empty(connection)
                self._free.append(name)

    def drop(self) -> None:
        for name in self._made:
            self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _create(self) -> str:
        name = f"winback_test_{uuid4().hex}"
        self._execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{self._made[0]}"' if self._made else ""))
        if not self._made:
            migrations.upgrade(self.url(name))
            with psycopg.connect(self.url(name)) as connection:
                self._schema = connection.execute(_SCHEMA).fetchall()
            self._made.append(name)
            return self._create()  # the first is only ever copied
        self._made.append(name)
        return name

    def _execute(self, statement: str) -> None:
        url = self.server.render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)


_CUT_OFF = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_TABLES = """
    SELECT format('%I', tablename), pg_relation_size(format('%I', tablename)::regclass) FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""
_SCHEMA = """
    SELECT relname, relkind::text, (SELECT version_num FROM alembic_version) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace ORDER BY relname
"""
_NUMBERED = "SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences"
_LARGE = 4_000_000
"""Bytes of a table that is sooner made anew than emptied."""


def _empty(connection: psycopg.Connection[Any]) -> None:
    """As the migrations left it: no rows, and numbers that begin anew."""
    sizes = dict(connection.execute(_TABLES).fetchall())
    filled = connection.execute(" UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in sizes))
    names = [name for (name,) in filled]
    connection.execute("SET session_replication_role = replica")  # whatever refers to whatever
    for name in names:
        connection.execute(f"TRUNCATE {name} CASCADE" if sizes[name] > _LARGE else f"DELETE FROM {name}")
    connection.execute(_NUMBERED)
