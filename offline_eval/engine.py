"""One map-and-merge, on local threads or on a Dask cluster.

Parts are merged in their own order whoever finishes first, and again after a worker is lost, so that every engine gives
the identical answer to the last bit.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from importlib import import_module
from typing import Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits

Part = TypeVar("Part")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs a task on every part."""

    def map(self, task: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[tuple[int, Result]]:
        """(index of the part, result) as they are done. A task's exception is raised here."""
        ...


class Threads:
    """Local threads: the columns' arithmetic and the reading of Parquet release the interpreter lock."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1

    def map(self, task: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[tuple[int, Result]]:
        """At most one part in hand for each thread, so that memory does not grow with the log.

        The products here are small: BLAS threads of their own would only spin and take the cores from these.
        """
        with threadpool_limits(1, user_api="blas"):
            if self.workers == 1 or len(parts) == 1:
                yield from ((index, task(part)) for index, part in enumerate(parts))
            else:
                yield from self._together(task, parts)

    def _together(self, task: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[tuple[int, Result]]:
        with ThreadPoolExecutor(self.workers) as pool:
            running: dict[Future[Result], int] = {}
            for index, part in enumerate(parts):
                if len(running) == self.workers:
                    yield from _finished(running)
                running[pool.submit(task, part)] = index
            while running:
                yield from _finished(running)


def _finished(running: dict[Future[Result], int]) -> Iterator[tuple[int, Result]]:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        yield running.pop(future), future.result()


class Cluster:
    """A Dask cluster whose workers can read the log's path and import this package.

    Dask runs a lost worker's parts again elsewhere, up to `distributed.scheduler.allowed-failures` losses for each.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def map(self, task: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[tuple[int, Result]]:
        """Every part is a task of its own."""
        distributed: Any = import_module("distributed")

        futures = self.client.map(task, list(parts), pure=False)
        order = {future.key: index for index, future in enumerate(futures)}
        for future, result in distributed.as_completed(futures, with_results=True):
            yield order[future.key], result
            future.release()


def cluster(address: str) -> Cluster:
    """The cluster whose scheduler listens at `address`. Raises RuntimeError where Dask is not installed."""
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise RuntimeError("--dask needs the optional dependencies: pip install 'winback[cluster]'") from error
    return Cluster(distributed.Client(address, timeout=30))


def map_merge(
    engine: Engine,
    task: Callable[[Part], Result],
    parts: Sequence[Part],
    merge: Callable[[Result, Result], Result],
    done: Callable[[int], None] = lambda _: None,
) -> Result:
    """merge(merge(task(part 0), task(part 1)), …), each merged as soon as its turn has come.

    Args:
        done: told the index of every finished part.

    Raises ValueError where there is no part.
    """
    waiting: dict[int, Result] = {}
    merged: list[Result] = []
    following = 0
    for index, result in engine.map(task, parts):
        waiting[index] = result
        done(index)
        while following in waiting:
            part = waiting.pop(following)
            merged = [merge(merged[0], part)] if merged else [part]
            following += 1
    if not merged:
        raise ValueError("a log without parts")
    return merged[0]


def merged_by(add: Callable[[Result, Result], Result]) -> Callable[[Result | None, Result | None], Result | None]:
    """A merge in which None (a part without rows) is neutral."""

    def merge(left: Result | None, right: Result | None) -> Result | None:
        if left is None or right is None:
            return right if left is None else left
        return add(left, right)

    return merge


def total(parts: Iterable[Result | None], add: Callable[[Result, Result], Result]) -> Result | None:
    """Everything that is not None, added from left to right."""
    merge = merged_by(add)
    whole: Result | None = None
    for part in parts:
        whole = merge(whole, part)
    return whole
