"""What commands print: one JSON document on stdout where asked for, everything else for people."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def emit_json(document: Any) -> None:
    """The one JSON document on stdout."""
    encoded = msgspec.json.format(msgspec.json.encode(document), indent=2)
    sys.stdout.write(encoded.decode() + "\n")
    sys.stdout.flush()


def say(line: str) -> None:
    """A line for people, out at once even through a pipe."""
    print(line, flush=True)


def complain(line: str) -> None:
    """A line on stderr."""
    print(f"winback: {line}", file=sys.stderr, flush=True)


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
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def progress_stages() -> Iterator[Callable[[str, int, int], None]]:
    """The same for work that says (stage, done, total); the bar starts anew with every stage."""
    if not sys.stderr.isatty():
        yield lambda _stage, _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda stage, done, total: bar.update(task, description=stage, completed=done, total=total)
