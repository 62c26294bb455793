"""Where the rows of a log lie: a CSV file, Parquet (a file, a folder, a partitioned data set), or Arrow batches.

Every source can be read more than once, in the same order, a batch of columns at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as pa_csv

from offline_eval.logs.errors import Fault, LogDataError, LogError

BATCH_ROWS = 131_072
PART_ROWS = 500_000
CSV_BLOCK_BYTES = 8 << 20
CSV_REMEDY = "Give the file a header and every line as many fields, in UTF-8"


class Source(Protocol):
    """Rows in a fixed order, readable as often as one likes."""

    @property
    def first_row(self) -> int:
        """Rows of the log before the first of these."""
        ...

    def names(self) -> Sequence[str]:
        """The columns there are."""
        ...

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of some columns, about BATCH_ROWS at a time."""
        ...

    def parts(self) -> "Sequence[Source]":
        """The same rows in pieces that can be read apart, in order; picklable where there is more than one."""
        ...


def open_source(path: Path | str) -> Source:
    """The rows of a file or folder. Raises LogError where it is neither CSV nor Parquet, OSError where absent."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no such log: {path}")
    name = path.name.lower()
    if path.is_dir() or name.endswith((".parquet", ".pq")):
        return parquet_source(path)
    if name.endswith((".csv", ".csv.gz", ".csv.bz2", ".csv.zst", ".csv.lz4")):
        return CsvSource(path)
    raise LogError(f"{path.name}: a log is a .csv (or .csv.gz), a .parquet file, or a folder of Parquet files")


@dataclass(frozen=True)
class CsvSource:
    """One CSV file with a header, compressed or not. Everything is read as text: the spec says what is a number."""

    path: Path
    first_row: int = 0

    def names(self) -> Sequence[str]:
        """The header."""
        with _readable(CSV_REMEDY), _open_csv(self.path, None) as reader:
            return list(reader.schema.names)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Text columns; an empty field is null. Raises LogDataError where a line does not fit the header."""
        with _readable(CSV_REMEDY), _open_csv(self.path, columns) as reader:
            yield from reader

    def parts(self) -> Sequence[Source]:
        """One: a CSV cannot be entered in the middle."""
        return [self]


@contextmanager
def _readable(remedy: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise LogDataError([Fault(None, "*", str(error).rstrip("."), remedy)]) from error


def _open_csv(path: Path, columns: Sequence[str] | None) -> Any:
    options: dict[str, Any] = {"null_values": [""], "strings_can_be_null": True}
    if columns is not None:
        options |= {"include_columns": list(columns), "column_types": dict.fromkeys(columns, pa.string())}
    return pa_csv.open_csv(
        path,
        read_options=pa_csv.ReadOptions(block_size=CSV_BLOCK_BYTES, use_threads=False),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(**options),
    )


@dataclass(frozen=True)
class ParquetPiece:
    """Some row groups of one Parquet file."""

    fragment: Any
    rows: int


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet data set as its row groups in the order of their paths; hive-style folder names are columns."""

    schema: pa.Schema
    pieces: tuple[ParquetPiece, ...]
    first_row: int = 0

    def names(self) -> Sequence[str]:
        """The columns, those of the folder names included."""
        return list(self.schema.names)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Typed columns, one row group after the other."""
        options = {"batch_size": BATCH_ROWS, "batch_readahead": 2, "fragment_readahead": 1}
        with _readable("Write the file again: it is damaged, or its columns are not those of the others"):
            for piece in self.pieces:
                yield from piece.fragment.to_batches(schema=self.schema, columns=list(columns), **options)

    def parts(self) -> Sequence[Source]:
        """Runs of row groups of about PART_ROWS rows; the same division whoever reads them."""
        sources: list[Source] = []
        first, start, held = self.first_row, 0, 0
        for index, piece in enumerate(self.pieces, 1):
            held += piece.rows
            if held >= PART_ROWS or index == len(self.pieces):
                sources.append(replace(self, pieces=self.pieces[start:index], first_row=first))
                first, start, held = first + held, index, 0
        return sources


def parquet_source(path: Path) -> ParquetSource:
    """A Parquet file or folder. Raises LogError where a folder holds none or a file is not Parquet."""
    import pyarrow.dataset as pa_dataset  # brings pandas along, which only who reads such a log should wait for

    try:
        found = pa_dataset.dataset(str(path), format="parquet", partitioning="hive", exclude_invalid_files=False)
        fragments = sorted(found.get_fragments(), key=lambda fragment: str(fragment.path))
        groups = [group for fragment in fragments for group in fragment.split_by_row_group()]
        pieces = tuple(ParquetPiece(group, sum(info.num_rows for info in group.row_groups)) for group in groups)
    except pa.ArrowInvalid as error:
        raise LogError(f"{path.name} is not Parquet: {error}") from error
    if not fragments:
        raise LogError(f"{path.name}: the folder holds no Parquet file")
    return ParquetSource(found.schema, pieces)


@dataclass(frozen=True)
class ArrowSource:
    """Rows that somebody else supplies, such as a live experiment's. `supply` starts the iteration anew each time."""

    schema: pa.Schema
    supply: Callable[[], Iterable[pa.RecordBatch]]
    first_row: int = 0

    def names(self) -> Sequence[str]:
        """The columns of the schema."""
        return list(self.schema.names)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The supplied batches, cut down to some columns."""
        for batch in self.supply():
            yield batch.select(list(columns))

    def parts(self) -> Sequence[Source]:
        """One: only the supplier knows how to divide them."""
        return [self]
