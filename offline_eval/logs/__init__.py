"""Logs of past decisions: a spec says how to read any CSV or Parquet file, or a live experiment's Arrow batches."""

from offline_eval.logs.batch import Categorical, LogBatch
from offline_eval.logs.errors import Fault, LogDataError, LogError, SpecError
from offline_eval.logs.log import Log, log_of, open_log
from offline_eval.logs.rounds import LoggedRow, logged_rows, rounds
from offline_eval.logs.sources import ArrowSource, Source, open_source
from offline_eval.logs.spec import LogSpec
from offline_eval.logs.specs import parse_spec, read_spec

__all__ = [
    "ArrowSource",
    "Categorical",
    "Fault",
    "Log",
    "LogBatch",
    "LogDataError",
    "LogError",
    "LogSpec",
    "LoggedRow",
    "Source",
    "SpecError",
    "log_of",
    "logged_rows",
    "open_log",
    "open_source",
    "parse_spec",
    "read_spec",
    "rounds",
]
