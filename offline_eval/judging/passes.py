"""One pass over a log, part by part, on whatever engine, with its progress told."""

from collections.abc import Callable
from typing import TypeVar

from offline_eval.engine import Engine, Threads, map_merge
from offline_eval.logs.log import Log

Found = TypeVar("Found")

Progress = Callable[[str, int, int], None]
"""Told (what is being done, how much of it, of how much); raising from it ends the replay."""


def gathered(
    what: str,
    log: Log,
    gatherer: Callable[[Log], Found],
    merge: Callable[[Found, Found], Found],
    progress: Progress,
    engine: Engine | None,
) -> Found:
    """What `gatherer` finds in all parts of the log together."""
    parts, finished = log.parts(), 0

    def done(_: int) -> None:
        nonlocal finished
        finished += 1
        progress(what, finished, len(parts))

    progress(what, 0, len(parts))
    return map_merge(engine or Threads(), gatherer, parts, merge, done)
