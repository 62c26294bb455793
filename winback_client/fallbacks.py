"""What was answered while the service was away: remembered, in bounds, on disk where a path is given."""

import json
import os
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from winback_client.left_alone import LeftAlone, write


@dataclass(frozen=True)
class Exposure:
    """A unit that was shown the control without a decision; `idempotency_key` is that of the call that failed."""

    exposure_id: str
    experiment: str
    unit_id: str
    arm: str
    at: str
    idempotency_key: str


class FallbackMemory:
    """Exposures that wait to be reported, oldest first; safe for threads.

    Beyond `most` the oldest are forgotten and counted in `dropped`. With a `path` they survive the process: one line
    of JSON each, the file readable by its owner only. Each process needs a path of its own.

    Attributes:
        dropped: how many exposures were forgotten unreported.
        left_alone: whom nobody may contact; with a path in the file of the same name with `.left-alone` behind it.
    """

    def __init__(self, path: str | Path | None = None, most: int = 10_000) -> None:
        self._path = None if path is None else Path(path)
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[str, Exposure] = OrderedDict()
        self.dropped = 0
        beside = None if self._path is None else self._path.with_name(self._path.name + ".left-alone")
        self.left_alone = LeftAlone(beside)
        if self._path is not None and self._path.exists():
            self._load(self._path)

    def __len__(self) -> int:
        return len(self._kept)

    def __bool__(self) -> bool:
        """A memory is there also while it is empty: `memory or FallbackMemory()` keeps the one that was given."""
        return True

    def remember(self, exposures: Iterable[Exposure]) -> None:
        """Keep exposures until they are reported."""
        with self._lock:
            new = list(exposures)
            self._kept.update((each.exposure_id, each) for each in new)
            if self._over():
                self._rewrite()
            else:
                self._append(new)

    def oldest(self, count: int = 1000) -> list[Exposure]:
        """The next to report."""
        with self._lock:
            return [exposure for _, exposure in zip(range(count), self._kept.values(), strict=False)]

    def forget(self, exposures: Iterable[Exposure]) -> None:
        """They were reported."""
        with self._lock:
            for each in exposures:
                self._kept.pop(each.exposure_id, None)
            self._rewrite()

    def _over(self) -> bool:
        over = len(self._kept) - self._most
        for _ in range(over):
            self._kept.popitem(last=False)
            self.dropped += 1
        return over > 0

    def _load(self, path: Path) -> None:
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                exposure = Exposure(**json.loads(line))
            except (ValueError, TypeError):  # the line that a crash cut short
                continue
            self._kept[exposure.exposure_id] = exposure
        self._over()

    def _append(self, exposures: Iterable[Exposure]) -> None:
        if self._path is None:
            return
        lines = "".join(json.dumps(asdict(each)) + "\n" for each in exposures)
        write(self._path, os.O_APPEND, lines)

    def _rewrite(self) -> None:
        if self._path is None:
            return
        lines = "".join(json.dumps(asdict(each)) + "\n" for each in self._kept.values())
        beside = self._path.with_name(self._path.name + ".new")
        write(beside, os.O_TRUNC, lines)
        beside.replace(self._path)
