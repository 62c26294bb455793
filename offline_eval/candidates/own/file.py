"""`parquet:FILE`: a policy's probabilities for the rows of a log, in a file of their own.

One column for each arm, named as the arm (an arm without a column is never chosen). The file's other columns are
columns of the log too and together tell its rows apart, such as the unit's id, or the unit's id and the time; without
any, the file's rows are the log's, in its order. Checked before anything is computed: no column is neither, every row
of the log is there exactly once, probabilities are finite, not negative and add up to 1. Rows of the file that the log
does not have are left alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from offline_eval.candidates.errors import PolicyFaultsError
from offline_eval.candidates.own.checking import Faults, check_pmf, unknown_arm
from offline_eval.candidates.own.table import ByRow
from offline_eval.logs.batch import Floats
from offline_eval.logs.decoding import numbers, texts
from offline_eval.logs.log import Log

if TYPE_CHECKING:
    import pandas as pd

FILE = "parquet:"

PANDAS_INDEX = "__index_level_"
"""Columns in which pandas keeps an index without a name; nobody means to join by them."""


def parquet_candidate(path: Path, log: Log) -> ByRow:
    """The policy of a file, named `parquet:` and its path.

    Raises PolicyFaultsError naming every fault, OSError where the file cannot be read.
    """
    name = f"{FILE}{path}"
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise PolicyFaultsError(name, [f"{path} is not Parquet: {error}"]) from error
    key = _key_columns(name, table, log)
    faults = Faults(name)
    pmf = check_pmf(_probabilities(table, log), faults)
    faults.close()
    return ByRow(name, len(log.arms), pmf, _places(name, table, key, log))


def _key_columns(name: str, table: pa.Table, log: Log) -> list[str]:
    """The columns that are no arms. Raises PolicyFaultsError where one is no column of the log either."""
    others = [name for name in table.column_names if name not in log.keys and not name.startswith(PANDAS_INDEX)]
    strange = [column for column in others if column not in log.source.names()]
    found = [f"the column {unknown_arm(column, log.keys)}, and no column of the log to join by" for column in strange]
    if not set(table.column_names) & set(log.keys):
        found.append(f"no column is named after an arm; the log's arms are {', '.join(log.keys)}")
    if found:
        raise PolicyFaultsError(name, found)
    return others


def _probabilities(table: pa.Table, log: Log) -> Floats:
    pmf = np.zeros((table.num_rows, len(log.keys)))
    for place, key in enumerate(log.keys):
        if key in table.column_names:
            values, bad = numbers(table.column(key).combine_chunks())
            pmf[:, place] = np.where(bad, np.nan, values)
    return pmf


def _places(name: str, table: pa.Table, key: Sequence[str], log: Log) -> NDArray[np.int64] | None:
    """The row of the file for each row of the log; None where they are the same."""
    if not key:
        if table.num_rows != log.n:
            told = f"the file has {table.num_rows:,} rows and the log {log.n:,}; give one for each, in the log's order"
            raise PolicyFaultsError(name, [f"{told}, or add a column of the log to join by"])
        return None
    own = _joined([table.column(column).combine_chunks() for column in key])
    faults, by = Faults(name), " and ".join(key)
    faults.note(own.duplicated(), f"the file names the same {by} again; every {by} may be there once")
    faults.close()
    batches = [_joined([raw.column(column) for column in key]) for raw in log.source.batches(list(key)) if raw.num_rows]
    wanted = batches[0].append(batches[1:])
    place = own.get_indexer(wanted)
    faults.note(place < 0, f"the log's {by} is not in the file; give probabilities for every row of the log")
    faults.close()
    return np.asarray(place, dtype=np.int64)


def _joined(columns: Sequence[pa.Array]) -> "pd.Index":
    """A key for each row: texts as logs read them, so that 42 and "42" are one unit."""
    import pandas as pd  # takes long to import, and a worker that starts needs it seldom

    parts = [np.array([*found.values, ""], dtype=object)[found.codes] for found in map(texts, columns)]
    return pd.Index(parts[0]) if len(parts) == 1 else pd.MultiIndex.from_arrays(parts)
