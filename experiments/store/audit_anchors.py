"""How long the audit trail was and what its last entry's seal was, written down outside the database at each entry.

Lines of JSON in `audit.anchors`, only ever appended to, each sealed with the key of the trail. The same goes to the log
(`winback.audit`), which usually leaves the machine: cut off both the table and this file, and the log still tells.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from experiments.store.core.audit_seal import AuditKey, Seal

NAME = "audit.anchors"
_log = structlog.get_logger("winback.audit")


class Anchor(msgspec.Struct, frozen=True, omit_defaults=True):
    """The trail had `count` entries, the last of them with this digest, at an instant (microseconds).

    `restored`: a backup was put back, or an older state accepted, so that entries from count + 1 on are others than
    those that were anchored before. `why` says which.
    """

    count: int
    digest: str
    at: int
    mac: str = ""
    restored: bool = False
    why: str = ""

    def sealed(self, key: AuditKey) -> "Anchor":
        """The same with its seal."""
        return msgspec.structs.replace(self, mac=key.mac(self._said()))

    def holds(self, key: AuditKey) -> bool:
        """Whether it is as it was written."""
        return self.mac == key.mac(self._said())

    def _said(self) -> str:
        return json.dumps(["anchor", self.count, self.digest, self.at, self.restored, self.why])


class Anchors(NamedTuple):
    """What a file of anchors holds: count → digest; restores; the numbers of lines that are not ours."""

    known: dict[int, str]
    restores: Sequence[Anchor]
    broken: Sequence[int]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Anchor).decode


def append(seal: Seal, anchor: Anchor) -> None:
    """Write an anchor down, to the file and to the log, which also tells where the file cannot be written."""
    _log.info("audit trail", entries=anchor.count, mac=anchor.digest, restored=anchor.restored)
    try:
        seal.folder.mkdir(parents=True, exist_ok=True)
        file = os.open(seal.folder / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(file).st_size
            # A crash may have cut off the last line.
            cut = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            os.write(file, b"\n" * cut + _encode(anchor.sealed(seal.key())) + b"\n")
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        _log.error("the audit trail could not be anchored", path=str(seal.folder / NAME), error=error.strerror)


def read(folder: Path, key: AuditKey) -> Anchors | None:
    """Every anchor that holds, in its order; None where there is no file."""
    try:
        lines = (folder / NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return None
    known, restores, broken = dict[int, str](), list[Anchor](), list[int]()
    for number, line in enumerate(lines, 1):
        anchor = _read(line)
        if anchor is None:  # cut off by a crash
            continue
        if not anchor.holds(key):
            broken.append(number)
            continue
        if anchor.restored:
            restores.append(anchor)
            known = {}  # its own digest holds everything before it
        # Of two that differ the earlier one counts: what was anchored once may not become something else.
        known.setdefault(anchor.count, anchor.digest)
    return Anchors(known, restores, broken)


def _read(line: bytes) -> Anchor | None:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
