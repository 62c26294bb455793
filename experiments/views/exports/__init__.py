"""A live log written to files in the layouts that others read. A new layout is one file and one line in EXPORTS."""

from collections.abc import Callable
from pathlib import Path

from experiments.views.exports.dsjson import write_dsjson
from experiments.views.exports.live_log import LiveLog
from experiments.views.exports.open_bandit import write_open_bandit
from experiments.views.exports.parquet import write_campaign, write_parquet

__all__ = ["EXPORTS", "Progress", "Write", "write_campaign"]

Progress = Callable[[int], None]
"""Told how many rows are written so far."""

Write = Callable[[LiveLog, Path, Progress], list[Path]]
"""Writes a log into a folder and gives the files it made."""

EXPORTS: dict[str, Write] = {"parquet": write_parquet, "dsjson": write_dsjson, "open_bandit": write_open_bandit}
