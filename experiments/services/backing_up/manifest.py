"""What a backup says of itself: its version, instant, and the checksum of every file. Written last: without it there is
no backup."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from experiments.errors import Fault, InvalidError

NAME = "manifest.json"
FORMAT = 1
DATABASE, FILES = "database", "files"
"""Folders of a backup."""

_UNFINISHED = (".unfinished", ".erasing")
_PASSING = ("spill", "locks")
_AT_ONCE = 1 << 20


class File(msgspec.Struct, frozen=True):
    """One file of a backup."""

    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True):
    """A backup. `kind`: sqlite or postgresql; `revision`: that of the tables; `at` in RFC 3339."""

    format: int
    program: str
    kind: str
    revision: str
    at: str
    files: dict[str, File]


def files_below(folder: Path) -> Iterator[Path]:
    """What of a data directory is worth keeping: files that are whole. Locks are those of who runs here."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in _UNFINISHED and path.relative_to(folder).parts[0] not in _PASSING:
            yield path


def summed(path: Path) -> File:
    """A file's checksum and size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_AT_ONCE):
            digest.update(data)
    return File(digest.hexdigest(), path.stat().st_size)


def write(folder: Path, manifest: Manifest) -> None:
    """Write it down: from now on there is a backup."""
    unfinished = folder / f"{NAME}.unfinished"
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    unfinished.replace(folder / NAME)


def read_checked(folder: Path) -> Manifest:
    """The manifest of a backup whose files are all as they were written. Raises InvalidError."""
    try:
        found = msgspec.json.decode((folder / NAME).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise _unsound(f"{folder} holds no backup: {NAME} is missing") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unsound(f"{folder / NAME} cannot be read: {error}") from error
    if found.format != FORMAT:
        raise _unsound(f"the backup has format {found.format}; this version reads {FORMAT}")
    for name, noted in found.files.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise _unsound(f"{name!r} lies outside of the backup")
        if not path.is_file():
            raise _unsound(f"{name} is missing from the backup")
        if summed(path) != noted:
            raise _unsound(f"{name} is not as it was written: its checksum differs")
    return found


def _unsound(sentence: str) -> InvalidError:
    return InvalidError([Fault("/backup", sentence)])
