"""Where the time of a run goes: by folder at its end, on the clock and of the processors."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import pytest

SHOWN = 0.01
"""Folders that take less than this share of the run are told together."""


@dataclass
class Spent:
    """Seconds of one folder, over all workers."""

    tests: int = 0
    clock: float = 0.0
    processors: float = 0.0

    def add(self, other: "Spent") -> None:
        self.tests += other.tests
        self.clock += other.clock
        self.processors += other.processors

    def line(self, name: str) -> str:
        return f"{name:<36}{self.tests:>7,}{self.clock:>10.1f} s{self.processors:>12.1f} s"


@dataclass(eq=False)
class Timing:
    """What every phase of every test took: setting up counts for the test that came first."""

    folders: dict[str, Spent] = field(default_factory=lambda: defaultdict(Spent))
    workers: dict[str, float] = field(default_factory=dict)
    collected: float = 0.0
    began: float = field(default_factory=time.time)
    _processors: float = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        self._processors = _processors()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        report: Any = yield
        now = _processors()
        report.processors, self._processors = now - self._processors, now
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not hasattr(report, "processors"):
            return  # written for a worker that crashed, by the one that hands out the tests
        folder = str(PurePosixPath(report.nodeid.split("::", 1)[0]).parent)
        spent = Spent(report.when == "call", report.duration, report.processors)
        self.folders[folder].add(spent)
        worker = getattr(report, "worker_id", "main")
        self.workers[worker] = report.stop
        self.collected = self.collected or report.start - self.began

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.folders:
            return
        for line in self.lines():
            terminalreporter.write_line(line)

    def lines(self) -> list[str]:
        """A table, slowest folder first; what came before the first test; how long workers waited for the last one."""
        ordered = sorted(self.folders.items(), key=lambda item: -item[1].clock)
        whole, others = Spent(), Spent()
        for _, spent in ordered:
            whole.add(spent)
        shown = [(name, spent) for name, spent in ordered if spent.clock >= SHOWN * whole.clock]
        for _, spent in ordered[len(shown) :]:
            others.add(spent)
        table = [spent.line(name) for name, spent in shown]
        if others.tests:
            table.append(others.line("others"))
        idle = max(self.workers.values()) - min(self.workers.values())
        return [
            f"{'where the time went':<36}{'tests':>7}{'clock':>12}{'processors':>14}",
            *table,
            whole.line("all"),
            f"before the first test {self.collected:.1f} s; workers that were done waited {idle:.1f} s for the last",
        ]


def _processors() -> float:
    """Seconds of this process and of those it started that have ended."""
    return sum(os.times()[:4])


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Timing(), "where the time goes")
