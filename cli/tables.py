"""Tables for people in which no name is ever cut, wrapped or read as markup.

A table that is wider than the terminal is shown as records: the name on a line of its own, its values below.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

GAP = "  "


def printable(text: str, kept: str = "") -> str:
    """With control characters written out (`\\x1b`), so that a name cannot steer a terminal; those in `kept` stay."""
    if text.isprintable():
        return text
    plain = (c if c in kept or unicodedata.category(c) != "Cc" else c.encode("unicode_escape").decode() for c in text)
    return "".join(plain)


@dataclass
class Sheet:
    """A titled table. The first columns are to the left and the others, which hold numbers, to the right.

    Attributes:
        left: places of the columns that are aligned to the left.
        styles: cell text → how it is coloured, for words of judgement.
    """

    title: str
    columns: Sequence[str]
    left: frozenset[int] = frozenset({0})
    styles: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[str, ...] | None] = field(default_factory=list)

    def add_row(self, *cells: str) -> None:
        """One line; a cell for each column."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells under {len(self.columns)} columns")
        self.rows.append(tuple(printable(cell) for cell in cells))

    def add_section(self) -> None:
        """A rule below what is there."""
        if self.rows:
            self.rows.append(None)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The grid where it fits, else records; every line whole."""
        widths = self._widths()
        wide = sum(widths) + len(GAP) * (len(widths) - 1)
        lines = self._grid(widths, wide) if wide <= options.max_width else self._records()
        if self.title:
            yield Text(printable(self.title), style="italic", no_wrap=True, overflow="ignore")
        for line in lines:
            line.no_wrap, line.overflow = True, "ignore"
            yield line
        yield Text("")

    def _widths(self) -> list[int]:
        lines = [self.columns, *(row for row in self.rows if row)]
        return [max(cell_len(line[place]) for line in lines) for place in range(len(self.columns))]

    def _grid(self, widths: Sequence[int], wide: int) -> Iterator[Text]:
        yield self._line(self.columns, widths, "bold")
        yield Text("─" * wide)
        for row in self.rows:
            yield Text("─" * wide, style="dim") if row is None else self._line(row, widths)

    def _line(self, cells: Sequence[str], widths: Sequence[int], style: str = "") -> Text:
        line = Text(style=style)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            space = " " * (width - cell_len(cell))
            line.append(GAP if place else "")
            line.append("" if place in self.left else space)
            line.append(cell, self.styles.get(cell, ""))
            line.append(space if place in self.left else "")
        line.rstrip()
        return line

    def _records(self) -> Iterator[Text]:
        """A heading for each row, its named cells below it; a blank heading is the one before."""
        indent, heading = max(cell_len(name) for name in self.columns), ""
        for row in self.rows:
            if row is None:
                continue
            heading = row[0] or heading
            yield Text(f"{self.columns[0]} {heading}".strip(), style="bold")
            for name, cell in zip(self.columns[1:], row[1:], strict=True):
                if cell:
                    yield Text.assemble(GAP, f"{name:<{indent}}", GAP, (cell, self.styles.get(cell, "")))
