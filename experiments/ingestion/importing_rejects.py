"""The file of rejected rows: each as it came, with the reason. An import that goes on finds it as it was committed."""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from experiments.connectors.connector import Malformed

_EXAMPLES = 20
_PLACE = re.compile(r"row \d+ ")
"""Stands before the reason of a text that was no row."""


class Rejects:
    """Rows of text with the columns of the source, `reason` last; made when the first row comes.

    `size` goes into the position of the import: what was written after the last commit is cut off. A file that was
    there before is never touched: a number is put behind the name. One that went missing is begun anew.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path.absolute()  # an import may go on from another working directory
        self.size = 0
        self.reasons: Counter[str] = Counter()
        self._names: list[str] = []
        if size and self.path.is_file() and self.path.stat().st_size >= size:
            os.truncate(self.path, size)
            self._go_on(size)

    def _go_on(self, size: int) -> None:
        self.size = size
        with self.path.open(newline="") as stream:
            rows = csv.reader(stream)
            self._names = next(rows)
            self.reasons.update(_PLACE.sub("", row[-1]) for row in rows)

    def add(self, names: Sequence[str], rows: Sequence[dict[str, Any]], malformed: Sequence[Malformed] = ()) -> int:
        """Append rows with a `reason`, and texts that were no rows; how many, on disk when it returns.

        The columns are those of the first batch: what later ones have beyond is left out.
        """
        if not rows and not malformed:
            return 0
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not self._names:
            self._names = [*names, "reason"]
            writer.writerow(self._names)
        for row in rows:
            self.reasons[row["reason"]] += 1
            writer.writerow(["" if row.get(name) is None else row[name] for name in self._names])
        for each in malformed:
            self.reasons[each.reason] += 1
            where = "" if each.row is None else f"row {each.row} "
            blanks = [""] * (len(self._names) - 2)
            writer.writerow([each.text, *blanks, f"{where}{each.reason}"])
        self._append(text.getvalue().encode())
        return len(rows) + len(malformed)

    def most_common(self) -> list[dict[str, Any]]:
        """The reasons with how many rows each, the most frequent first."""
        return [{"reason": reason, "rows": rows} for reason, rows in self.reasons.most_common(_EXAMPLES)]

    def _append(self, data: bytes) -> None:
        if not self.size:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path = _made(self.path)
        with self.path.open("ab") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        self.size += len(data)


def _made(path: Path) -> Path:
    """An empty file of this name, or of the first one that is free: `a.csv`, `a.2.csv`, `a.3.csv`, …"""
    for number in count(1):
        free = path if number == 1 else path.with_suffix(f".{number}{path.suffix}")
        with suppress(FileExistsError):
            free.touch(exist_ok=False)
            break
    return free
