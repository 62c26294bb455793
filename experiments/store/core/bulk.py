"""Many rows in one statement, on both databases: executemany on SQLite, arrays unnested on PostgreSQL."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Connection, Float, Integer, Table
from sqlalchemy.types import JSON

_AS_JSON = msgspec.json.Encoder().encode


def is_sqlite(connection: Connection) -> bool:
    """Whether the connection leads to the embedded database."""
    return connection.dialect.name == "sqlite"


def one_of(connection: Connection, column: str, name: str) -> str:
    """A condition that `column` is among the values bound to `name` by `values_for`; one plan for any number."""
    if is_sqlite(connection):
        return f"{column} IN (SELECT value FROM json_each(:{name}))"  # noqa: S608 - nothing of a caller's
    return f"{column} = ANY(:{name})"


def values_for(connection: Connection, values: Iterable[int] | Iterable[str]) -> object:
    """The parameter that `one_of` takes."""
    listed = list(values)
    return _AS_JSON(listed).decode() if is_sqlite(connection) else listed


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Append rows; JSON columns are given as text."""
    _write(connection, _insert(connection.dialect.name, table, tuple(columns)), rows)


def add_rows(connection: Connection, table: Table, sums: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Append rows of all columns in order, or add their `sums` to the rows that have the same primary key."""
    columns = tuple(column.name for column in table.columns)
    statement = _insert(connection.dialect.name, table, columns) + _adding(table, tuple(sums))
    _write(connection, statement, rows)


def put_rows(
    connection: Connection, table: Table, columns: Sequence[str], update: str, rows: Sequence[Sequence[Any]]
) -> None:
    """Append rows, or set `update` (of ours; `excluded` is what is given) where that key is there already."""
    keys = ", ".join(column.name for column in table.primary_key)
    statement = _insert(connection.dialect.name, table, tuple(columns))
    _write(connection, f"{statement} ON CONFLICT ({keys}) DO UPDATE SET {update}", rows)


def update_rows(
    connection: Connection, table: Table, columns: Sequence[str], update: str, rows: Sequence[Sequence[Any]]
) -> None:
    """Set `update` (of ours) in the rows whose key is the first of `columns`; `given` is what is written of each."""
    name = table.name
    if is_sqlite(connection):
        values = ", ".join(f"? AS {column}" for column in columns)
        source = f"(SELECT {values}) AS given"
    else:
        arrays = ", ".join(f"%s::{_array_type(table.c[column])}[]" for column in columns)
        source = f"unnest({arrays}) AS given ({', '.join(columns)})"
    statement = f"UPDATE {name} SET {update} FROM {source} WHERE {name}.{columns[0]} = given.{columns[0]}"  # noqa: S608
    _write(connection, statement, rows)


def _write(connection: Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    if not rows:
        return
    if is_sqlite(connection):
        connection.exec_driver_sql(statement, [tuple(row) for row in rows])
    else:
        connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))


@cache
def _insert(dialect: str, table: Table, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    if dialect == "sqlite":
        return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our names
    arrays = ", ".join(f"%s::{_array_type(table.c[name])}[]" for name in columns)
    values = ", ".join(_from_array(table.c[name]) for name in columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {values} FROM unnest({arrays}) AS u ({names})"  # noqa: S608


@cache
def _adding(table: Table, sums: tuple[str, ...]) -> str:
    keys = ", ".join(column.name for column in table.primary_key)
    added = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in sums)
    return f" ON CONFLICT ({keys}) DO UPDATE SET {added}"


def _array_type(column: Column[Any]) -> str:
    kinds = {BigInteger: "bigint", Integer: "integer", Boolean: "boolean", Float: "double precision"}
    return next((name for kind, name in kinds.items() if isinstance(column.type, kind)), "text")


def _from_array(column: Column[Any]) -> str:
    return f"u.{column.name}::jsonb" if isinstance(column.type, JSON) else f"u.{column.name}"
