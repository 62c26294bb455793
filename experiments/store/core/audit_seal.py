"""The key that seals the audit trail. It is not in the database: whoever can write there cannot seal.

It is `WINBACK_AUDIT_KEY`, or else the file `audit.key` in the data directory, made at the first entry and readable by
its owner only.
"""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import Session

from experiments.errors import UnavailableError

NAME = "audit.key"
OPTION = "winback_audit_seal"
"""Name of the engine's execution option that holds the Seal."""


@dataclass(frozen=True)
class AuditKey:
    """A key. `name` tells keys apart and gives nothing away."""

    secret: bytes = field(repr=False)
    name: str

    @classmethod
    def of(cls, text: str) -> "AuditKey":
        """From what is configured or in the file."""
        secret = text.strip().encode()
        return cls(secret, hmac.new(secret, b"winback audit key", hashlib.sha256).hexdigest()[:16])

    def mac(self, message: str) -> str:
        """HMAC-SHA256 of a text, in hexadecimal."""
        return hmac.new(self.secret, message.encode(), hashlib.sha256).hexdigest()


class Seal:
    """Where the key is, and the folder in which anchors are kept."""

    def __init__(self, folder: Path, configured: str | None) -> None:
        self.folder = folder
        self._configured = configured
        self._made: AuditKey | None = None

    def known(self) -> AuditKey | None:
        """The key, where there is one."""
        if self._configured is not None:
            return AuditKey.of(self._configured)
        with suppress(FileNotFoundError):
            return AuditKey.of((self.folder / NAME).read_text())
        return None

    def key(self) -> AuditKey:
        """The key, made where there is none. Raises UnavailableError where its file cannot be read or written."""
        if self._made is None:
            try:
                self._made = self.known() or self._make()
            except OSError as error:
                place = self.folder / NAME
                raise UnavailableError(
                    f"the audit trail has no key: {place} cannot be used ({error.strerror}); set WINBACK_AUDIT_KEY"
                ) from error
        return self._made

    def _make(self) -> AuditKey:
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f"{NAME}.{secrets.token_hex(4)}.unfinished"
        put(beside, secrets.token_hex(32) + "\n")
        try:
            # Never over one that another process made meanwhile.
            os.link(beside, self.folder / NAME)
        except FileExistsError:
            return AuditKey.of((self.folder / NAME).read_text())
        finally:
            beside.unlink()
        return AuditKey.of((self.folder / NAME).read_text())


def put(path: Path, content: str) -> None:
    """Write a file that only its owner may read, on disk when it returns."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, content.encode())
        os.fsync(file)
    finally:
        os.close(file)


def seal_of(session: Session) -> Seal:
    """The seal that the session's engine was opened with."""
    found: Seal = session.connection().get_execution_options()[OPTION]
    return found
