"""What every connector is: a source read in batches, from a position that can be kept and gone back to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

from experiments.errors import Fault, InvalidError

Position: TypeAlias = Mapping[str, Any]
"""Where a reader goes on: JSON, the connector's own. Empty: from the start."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to read, and how.

    Attributes:
        address: a path or a URL.
        query: SQL, for databases.
        watermark: a column that only rises; the next import goes on where this one ended.
        since: the watermark that the import before reached, as its position holds it.
        delimiter: of text files; "whitespace" for any run of blanks. None: a comma, or a tab in .tsv files.
        header: whether text files name their columns; where not, they are called 1, 2, 3, …
        authorization: what is sent as the header `Authorization` over HTTP.
        batch_rows, batch_bytes: about how much is read at once.
    """

    address: str
    query: str | None = None
    watermark: str | None = None
    since: Any = None
    delimiter: str | None = None
    header: bool = True
    authorization: str | None = field(default=None, repr=False)
    batch_rows: int = 100_000
    batch_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that has no columns: its number in the source where known, its text, what is wrong."""

    row: int | None
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as the source gives them; `position` is where to go on once they are stored.

    `done` and `total` are in the source's own unit (bytes, rows, pages), for a progress bar; total is None if unknown.
    """

    table: pa.Table
    position: Position
    malformed: tuple[Malformed, ...] = ()
    done: int = 0
    total: int | None = None


class Connector(Protocol):
    """A source that was found and can be read.

    Attributes:
        label: what people see of the address: no password.
        fingerprint: equal for equal content; None where the content cannot be told without reading it.
        resumable: whether a position of an earlier process leads to the same place.
    """

    label: str
    fingerprint: str | None
    resumable: bool

    def batches(self, position: Position) -> Iterator[Batch]:
        """The rows from a position on. Raises InvalidError for what cannot be read, UnavailableError where it is away.

        Read from one position twice, an unchanged source gives the same rows up to every later position.
        """
        ...


def unreadable(detail: str, pointer: str = "/source") -> InvalidError:
    """The error of a source that makes no sense; `detail` names the remedy."""
    return InvalidError([Fault(pointer, detail)])


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows with names as a table; a column whose values are of several types becomes text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
