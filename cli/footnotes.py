"""Reasons below a table, numbered as the table's cells meet them: a sentence fits no column."""

from collections.abc import Iterator, Sequence


class Footnotes:
    """Those of one table; the same reason has one number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def beside(self, cell: str, note: str | None) -> str:
        """The cell with the number of the note, where there is one."""
        if not note:
            return cell
        return f"{cell} [{self._numbers.setdefault(note, len(self._numbers) + 1)}]"

    def where_bounds_miss(self, cells: Sequence[str], note: str | None) -> list[str]:
        """The cells, those without a bound with the number of the note that says why."""
        return [self.beside(cell, note) if "(no bounds)" in cell or "∞" in cell else cell for cell in cells]

    def __iter__(self) -> Iterator[str]:
        """The lines to print."""
        return (f"[{number}] {note}" for note, number in self._numbers.items())
