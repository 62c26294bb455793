"""Whom nobody may contact, as far as a client was told: kept in bounds, on disk where a path is given.

Units are kept as hashes, in memory and on disk, so that no file of the caller's names who was erased. A hash without
a key hides an id from whoever reads the file, not from whoever guesses it.
"""

import math
import os
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from threading import Lock

MOST = 100_000
"""Units that are remembered; the longest known are forgotten first."""

_LENGTH = 1 + 32
"""A line: whether the unit is on the list (+) or off it (-), and its hash."""


class LeftAlone:
    """Units that get no fallback; safe for threads.

    With a `path` they survive the process: a line is added for every change, and the file is written anew once it has
    more than twice as many lines as units may be kept.
    """

    def __init__(self, path: Path | None = None, most: int = MOST) -> None:
        self._path, self._most = path, most
        self._lock = Lock()
        self._kept: OrderedDict[str, float] = OrderedDict()
        self._told = 0
        self._lines = 0
        if path is not None and path.exists():
            self._load(path)

    def __contains__(self, unit_id: str) -> bool:
        return _hashed(unit_id) in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def now(self) -> int:
        """The place in the order of what was told: an answer to a question asked here knows what was told before."""
        return self._told

    def add(self, units: Iterable[str], *, until_told: bool = False) -> None:
        """Nobody contacts these; `until_told`: no answer takes them off the list before they are added without it."""
        with self._lock:
            self._told += 1
            changes = []
            for name in map(_hashed, units):
                if name not in self._kept:
                    changes.append("+" + name)
                self._kept[name] = math.inf if until_told else self._told
            over = range(len(self._kept) - self._most)
            changes += ["-" + self._kept.popitem(last=False)[0] for _ in over]
            self._keep(changes)

    def remove(self, units: Iterable[str], asked: int) -> None:
        """By answers to a question that was asked at this place, these may be contacted."""
        with self._lock:
            found = [name for name in set(map(_hashed, units)) if self._kept.get(name, math.inf) <= asked]
            for name in found:
                del self._kept[name]
            self._keep(["-" + name for name in found])

    def _load(self, path: Path) -> None:
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            if len(line) != _LENGTH:  # a crash cut it short
                continue
            self._lines += 1
            if line[0] == "+":
                self._kept[line[1:]] = 0
            else:
                self._kept.pop(line[1:], None)
        for _ in range(len(self._kept) - self._most):
            self._kept.popitem(last=False)

    def _keep(self, changes: list[str]) -> None:
        if self._path is None or not changes:
            return
        self._lines += len(changes)
        if self._lines > 2 * self._most:
            beside = self._path.with_name(self._path.name + ".new")
            write(beside, os.O_TRUNC, "".join(f"+{name}\n" for name in self._kept))
            beside.replace(self._path)
            self._lines = len(self._kept)
        else:
            # The line break first: a line that a crash cut short must not swallow the next.
            write(self._path, os.O_APPEND, "\n" + "".join(f"{change}\n" for change in changes))


def write(path: Path, how: int, lines: str) -> None:
    """Text on disk when it returns, in a file that its owner alone reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
    try:
        os.write(file, lines.encode())
        os.fsync(file)
    finally:
        os.close(file)


def _hashed(unit_id: str) -> str:
    return blake2b(unit_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
