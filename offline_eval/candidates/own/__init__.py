"""An analyst's own policies: a column of the log, a Parquet file of probabilities, or a Python function."""

from offline_eval.candidates.own.column import COLUMN, column_candidate, with_pmf_columns
from offline_eval.candidates.own.file import FILE, parquet_candidate
from offline_eval.candidates.own.function import Contexts, Own, own

__all__ = ["COLUMN", "FILE", "Contexts", "Own", "column_candidate", "own", "parquet_candidate", "with_pmf_columns"]
