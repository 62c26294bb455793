"""Lists are paged by a cursor that names the last row given, so that new rows never shift a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from experiments.errors import Fault, InvalidError

Row = TypeVar("Row")

MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page: the one after `cursor` (None: the first), with at most `limit` items."""

    limit: int = 100
    cursor: str | None = None

    @property
    def after(self) -> int | None:
        """The id of the last row of the page before. Raises InvalidError where the cursor is none of ours."""
        if self.cursor is None:
            return None
        try:
            return int(self.cursor, 36) if self.cursor.isascii() and len(self.cursor) <= 13 else int("")
        except ValueError:
            raise InvalidError([Fault("", "query parameter cursor: not a cursor that was given here")]) from None


def page(rows: Sequence[Row], wanted: Wanted, id_of: Callable[[Row], int | None], face: Callable[[Row], Any]) -> Any:
    """`{items, next_cursor}` from up to limit + 1 rows; the one too many says that there is another page."""
    items = rows[: wanted.limit]
    more = len(rows) > wanted.limit
    return {
        "items": [face(row) for row in items],
        "next_cursor": base36(id_of(items[-1]) or 0) if more else None,
    }


def base36(number: int) -> str:
    """A number as a cursor."""
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
        if not number:
            return digits
