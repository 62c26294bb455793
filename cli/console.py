"""What commands print: one JSON document on stdout where asked for, everything else for people."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from cli.tables import printable

UNBOUNDED = 100_000
"""The width of what is no terminal, unless COLUMNS says one."""


class Paper(Console):
    """What is printed for people. Names are theirs: never read as markup or emoji, never cut, never wrapped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, soft_wrap=True, **options)
        if not (self.is_terminal or "width" in options or os.environ.get("COLUMNS", "").isdigit()):
            self.width = UNBOUNDED

    def render_str(self, text: str, **options: Any) -> Text:
        """A line without control characters."""
        return super().render_str(printable(text, "\n\t"), **options)


def emit_json(document: Any) -> None:
    """The one JSON document on stdout."""
    encoded = msgspec.json.format(msgspec.json.encode(document), indent=2)
    sys.stdout.write(encoded.decode() + "\n")
    sys.stdout.flush()


def say(line: str) -> None:
    """A line for people, out at once even through a pipe."""
    print(printable(line, "\n\t"), flush=True)


def complain(line: str) -> None:
    """A line on stderr."""
    print(printable(f"winback: {line}", "\n\t"), file=sys.stderr, flush=True)


class Advance(Protocol):
    """Reports progress: so many more steps are done."""

    def __call__(self, steps: int, /) -> None:
        """Note `steps` more."""
        ...


@contextmanager
def progress(title: str, total: int) -> Iterator[Advance]:
    """A progress bar on stderr while the block runs; nothing where stderr is no terminal."""
    with progress_towards(title) as reach:
        done = 0

        def advance(steps: int) -> None:
            nonlocal done
            done += steps
            reach(done, total)

        yield advance


@contextmanager
def progress_towards(title: str) -> Iterator[Callable[[int, int], None]]:
    """The same for work that says (done, total) itself."""
    with progress_stages(title) as report:
        yield lambda done, total: report(title, done, total)


@contextmanager
def progress_stages(title: str = "reading") -> Iterator[Callable[[str, int, int], None]]:
    """The same for work that says (stage, done, total); the bar starts anew with every stage."""
    with bar(MofNCompleteColumn(), TimeRemainingColumn()) as shown:
        if shown is None:
            yield lambda _stage, _done, _total: None
            return
        task = shown.add_task(title, total=None)
        yield lambda stage, done, total: shown.update(task, description=stage, completed=done, total=total)


@contextmanager
def bar(*columns: ProgressColumn) -> Iterator[Progress | None]:
    """A bar on stderr behind its description, which is read as it stands; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    description = TextColumn("{task.description}", markup=False)
    console = Console(stderr=True, markup=False, emoji=False)
    with Progress(description, BarColumn(), *columns, console=console, transient=True) as shown:
        yield shown
