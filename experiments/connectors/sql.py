"""Any database that SQLAlchemy can reach, read by a cursor on the server in batches."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Row, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from experiments.connectors.connector import Batch, Position, Source, table_of, unreadable
from experiments.errors import UnavailableError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?\Z")


def accepts(address: str) -> bool:
    """Whether this is the URL of a database."""
    return "://" in address and not address.startswith(("http://", "https://"))


class Database:
    """A query. With a watermark column it is read in its order, and a position says up to which value all is read.

    A batch ends between two values of the watermark, never within one: going on after a value misses none and repeats
    none. The next import starts at the last value itself, in case rows of it came later; what it reads again is
    recognised. Without a watermark the order is not known, and an import that was cut off starts anew.
    """

    fingerprint: str | None = None

    def __init__(self, source: Source) -> None:
        if not source.query:
            raise unreadable("a database needs a query or the name of a table", "/query")
        self._source, self._engine = source, _engine(source.address)
        self.label = f"{make_url(source.address).render_as_string(hide_password=True)} {source.query}"
        self.resumable = source.watermark is not None

    def batches(self, position: Position) -> Iterator[Batch]:
        """See Connector."""
        try:
            yield from self._batches(position)
        except OperationalError as error:
            raise UnavailableError(f"the source database: {_first_line(error)}") from error
        except DBAPIError as error:
            raise unreadable(f"the database refuses the query: {_first_line(error)}", "/query") from error
        finally:
            self._engine.dispose()

    def _batches(self, position: Position) -> Iterator[Batch]:
        options = {"stream_results": True, "yield_per": self._source.batch_rows}
        done = 0
        with self._engine.connect().execution_options(**options) as connection:
            found = connection.execute(*self._statement(position))
            names = list(found.keys())
            held: list[Row[Any]] = []
            for rows in found.partitions(self._source.batch_rows):
                ready, held = self._settled([*held, *rows], names)
                if ready:
                    done += len(ready)
                    yield self._batch(ready, names, done)
            if held:
                yield self._batch(held, names, done + len(held))

    def _statement(self, position: Position) -> tuple[Any, dict[str, Any]]:
        query = str(self._source.query).strip().rstrip(";")
        if _NAME.match(query):
            query = f"SELECT * FROM {query}"  # noqa: S608 - the caller's own query of the caller's own database
        column = self._source.watermark
        if column is None:
            return text(query.replace(":", r"\:")), {}
        if not _NAME.match(column):
            raise unreadable(f"{column!r} is not a column name", "/watermark")
        inner = query.replace(":", r"\:")
        start, operator = (position["watermark"], ">") if "watermark" in position else (self._source.since, ">=")
        condition = "" if start is None else f" WHERE {column} {operator} :since"
        ordered = f"SELECT * FROM ({inner}) AS source{condition} ORDER BY {column}"  # noqa: S608
        return text(ordered), {} if start is None else {"since": from_json(start)}

    def _settled(self, rows: list[Row[Any]], names: list[str]) -> tuple[list[Row[Any]], list[Row[Any]]]:
        """Rows whose watermark is complete, and those whose value may go on."""
        if self._source.watermark is None:
            return rows, []
        if self._source.watermark not in names:
            raise unreadable(f"the query has no column {self._source.watermark!r}", "/watermark")
        place = names.index(self._source.watermark)
        last = rows[-1][place]
        cut = next(n for n, row in enumerate(rows) if row[place] == last)
        return rows[:cut], rows[cut:]

    def _batch(self, rows: list[Row[Any]], names: list[str], done: int) -> Batch:
        position: Position = {"rows": done}
        if self._source.watermark is not None:
            position = {"watermark": to_json(rows[-1][names.index(self._source.watermark)])}
        values = [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in rows]
        return Batch(table_of(values), position, done=done)


def to_json(value: Any) -> Any:
    """A watermark as a position keeps it. Raises InvalidError for types that have no order to speak of."""
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if value is None or isinstance(value, bool | bytes):
        raise unreadable(
            f"a watermark cannot be {value!r:.40}; choose a column of numbers, times or texts", "/watermark"
        )
    return value


def from_json(kept: Any) -> Any:
    """The inverse of `to_json`."""
    if isinstance(kept, dict):
        ((kind, written),) = kept.items()
        readers: dict[str, Callable[[str], Any]] = {
            "datetime": datetime.fromisoformat,
            "date": date.fromisoformat,
            "decimal": Decimal,
        }
        return readers[kind](written)
    return kept


def _engine(address: str) -> Engine:
    try:
        url = make_url(address)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        if url.get_backend_name() == "sqlite" and _lacks_file(url.database or ":memory:"):
            raise unreadable(f"there is no file {url.database}", "/source")
        return create_engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        told = "no driver for this database; install one and name it, such as mysql+pymysql://, or export the rows"
        raise unreadable(f"{told} to a file: {error}") from error


def _lacks_file(name: str) -> bool:
    """SQLite would make an empty one."""
    return name != ":memory:" and not name.startswith("file:") and not Path(name).is_file()


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().split("\n", 1)[0]
