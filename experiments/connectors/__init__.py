"""Where data comes from. A new connector is one file and one line in CONNECTORS."""

from collections.abc import Callable
from typing import NamedTuple

from experiments.connectors import file, http, sql
from experiments.connectors.connector import Batch, Connector, Malformed, Position, Source, unreadable

__all__ = ["CONNECTORS", "Batch", "Connector", "Malformed", "Position", "Source", "open_source"]


class Kind(NamedTuple):
    """Which addresses a connector takes, and how it opens one."""

    accepts: Callable[[str], bool]
    open: Callable[[Source], Connector]


CONNECTORS: dict[str, Kind] = {
    "file": Kind(file.accepts, file.File),
    "http": Kind(http.accepts, http.Web),
    "sql": Kind(sql.accepts, sql.Database),
}
"""The first that accepts an address reads it."""


def open_source(source: Source) -> Connector:
    """The connector of an address. Raises InvalidError where the source makes no sense."""
    for kind in CONNECTORS.values():
        if kind.accepts(source.address):
            return kind.open(source)
    raise unreadable(f"nothing here reads {source.address!r:.80}; known: {', '.join(CONNECTORS)}")
