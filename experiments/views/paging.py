"""Lists are paged by a cursor that names the last row given, so that new rows never shift a page.

A cursor ends in a seal of the list and the row: one that was made up, cut off, or given by another list is refused, and
never answered by some page. The seal guards against mistakes; who forges it sees no more than the list shows.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from experiments.errors import Fault, InvalidError

Row = TypeVar("Row")

MAX_LIMIT = 1000
_SEAL = 6
_SEALS = 36**_SEAL


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page: the one after `cursor` (None: the first), with at most `limit` items; `place` says of which list."""

    limit: int = 100
    cursor: str | None = None
    place: str = ""

    @property
    def after(self) -> int | None:
        """The id of the last row of the page before. Raises InvalidError where the cursor is none of this list."""
        name = self.after_name
        if name is not None and not re.fullmatch("[0-9a-z]{1,13}", name):
            raise made_up_cursor()
        return None if name is None else int(name, 36)

    @property
    def after_name(self) -> str | None:
        """The same of a list that is not in the order of ids: what `next_cursor` was given."""
        if self.cursor is None:
            return None
        name, seal = self.cursor[:-_SEAL], self.cursor[-_SEAL:]
        if seal != self._seal(name):
            raise made_up_cursor()
        return name

    def next_cursor(self, name: int | str) -> str:
        """The cursor of the page after the row of this id or name."""
        written = base36(name) if isinstance(name, int) else name
        return written + self._seal(written)

    def _seal(self, name: str) -> str:
        digest = hashlib.blake2s(f"{self.place}\n{name}".encode(errors="replace")).digest()
        return base36(int.from_bytes(digest) % _SEALS).rjust(_SEAL, "0")


def made_up_cursor() -> InvalidError:
    """What a cursor that is none of the list's is refused with."""
    remedy = "leave it out to begin with the first page"
    return InvalidError([Fault("", f"query parameter cursor: not a cursor that was given here; {remedy}")])


def page(
    rows: Sequence[Row], wanted: Wanted, id_of: Callable[[Row], int | None], document: Callable[[Row], Any]
) -> dict[str, Any]:
    """`{items, next_cursor}` from up to limit + 1 rows; the one too many says that there is another page."""
    items = rows[: wanted.limit]
    more = len(rows) > wanted.limit
    return {
        "items": [document(row) for row in items],
        "next_cursor": wanted.next_cursor(id_of(items[-1]) or 0) if more else None,
    }


def base36(number: int) -> str:
    """A number as a cursor."""
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
        if not number:
            return digits
