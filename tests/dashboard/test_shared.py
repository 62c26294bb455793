"""Sections of a page that ask the same at once share one computation, for seconds and with the same scopes only."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.data.shared import LIFE, Shared, shared
from dashboard.who import Who
from experiments.errors import ForbiddenError, NotFoundError
from experiments.model.access.principal import Principal


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_many_who_ask_at_once_wait_for_one_computation():
    memory, started, release, calls = Shared(), threading.Barrier(9), threading.Event(), []

    def compute() -> object:
        calls.append(1)
        release.wait(10)
        return object()

    def ask(_: int) -> object:
        started.wait(10)
        return memory.of("key", compute)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, number) for number in range(8)]
        started.wait(10)
        release.set()
        found = [one.result(10) for one in asked]
    assert len(calls) == 1
    assert len(set(map(id, found))) == 1


def test_what_is_remembered_is_never_older_than_its_life():
    clock, values = Clock(), iter(range(10))
    memory = Shared(clock)
    assert memory.of("key", lambda: next(values)) == 0
    clock.now += LIFE - 0.01
    assert memory.of("key", lambda: next(values)) == 0
    assert memory.of("other", lambda: next(values)) == 1
    clock.now += 0.01
    assert memory.of("key", lambda: next(values)) == 2


def test_age_counts_from_the_beginning_of_the_computation():
    clock = Clock()
    memory = Shared(clock)

    def slow() -> str:
        clock.now += LIFE
        return "slow"

    assert memory.of("key", slow) == "slow"
    assert memory.of("key", lambda: "again") == "again"


def test_a_failure_is_not_remembered():
    memory = Shared()

    def fail() -> None:
        raise NotFoundError("gone")

    with pytest.raises(NotFoundError):
        memory.of("key", fail)
    assert memory.of("key", lambda: "there") == "there"


def test_who_may_not_read_is_refused_although_it_is_remembered(filled):
    who = filled("admin")
    assert shared(who, ("a",), lambda: "secret") == "secret"
    nobody = Who(who.engine, Principal("nobody", frozenset()), who.settings)
    with pytest.raises(ForbiddenError):
        shared(nobody, ("a",), lambda: "secret")
    reader = Who(who.engine, Principal("reader", frozenset({"read"})), who.settings)
    assert shared(reader, ("a",), lambda: "what a reader sees") == "what a reader sees"
