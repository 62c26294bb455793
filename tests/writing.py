"""Nothing is written into the working copy while tests run: what one test leaves there another one finds.

An audit hook notes every file that is opened for writing, every folder made and every database connected to below the
working copy; the caches of Python and its tools are let be. Processes that tests start tell of themselves by a `var`.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_LEFT_BY_CHILDREN = ROOT / "var/history"

written: list[str] = []
"""Paths that were written to since somebody looked."""
_children: list[Path] = []


def watch() -> None:
    """From now on, in this process and for good: audit hooks cannot be taken back."""
    if not _LEFT_BY_CHILDREN.exists():
        _children.append(_LEFT_BY_CHILDREN)

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        path = _written(event, arguments)
        if path is not None and _is_ours(path):
            written.append(str(path))

    sys.addaudithook(note)


def found() -> list[str]:
    """What was written since the last call."""
    paths = [*written, *(str(path) for path in _children if path.exists())]
    written.clear()
    return paths


def _written(event: str, arguments: tuple[Any, ...]) -> Path | None:
    if event == "open" and isinstance(arguments[2], int) and not arguments[2] & _WRITES:
        return None
    if event not in ("open", "os.mkdir", "sqlite3.connect"):
        return None
    path = arguments[0]
    if not isinstance(path, str | Path) or str(path).startswith((":memory:", "file::memory:")):
        return None
    return Path(str(path).removeprefix("file:").partition("?mode=")[0]).absolute()


def _is_ours(path: Path) -> bool:
    if not path.is_relative_to(ROOT):
        return False
    parts = path.relative_to(ROOT).parts
    return not parts or not (parts[0].startswith(".") or "__pycache__" in parts)


@pytest.fixture(autouse=True)
def _working_copy_is_left_alone() -> Iterator[None]:
    yield
    assert not (paths := found()), f"written in the working copy: {', '.join(paths)}; give it a temporary directory"


watch()
