"""Keeping processes alive and stopping them, with real processes."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cli.running import supervisor as supervising
from cli.running.child import FIRST_DELAY, LONGEST_DELAY, Child
from cli.running.supervisor import Supervisor

MakeChild = Callable[[str, str], Child]


@pytest.fixture
def make_child(tmp_path: Path) -> MakeChild:
    """A child that runs the given program and appends its own process id to NAME.pids."""

    def make(name: str, program: str) -> Child:
        notes = f"open({str(tmp_path / name)!r} + '.pids', 'a').write(f'{{os.getpid()}} ')"
        lines = f"import os\n{notes}\n"
        (tmp_path / f"{name}.py").write_text(lines + textwrap.dedent(program))
        return Child(name, (name,), {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}, tmp_path / "log")

    return make


def pids(folder: Path, name: str) -> list[int]:
    file = folder / f"{name}.pids"
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


SLEEPS = "import time\ntime.sleep(60)\n"


def test_stops_all_quickly(tmp_path: Path, make_child: MakeChild) -> None:
    watch = Supervisor()
    for name in ("one", "two"):
        watch.start(make_child(name, SLEEPS))
    until(lambda: pids(tmp_path, "one") and pids(tmp_path, "two"))
    started = time.monotonic()
    assert watch.stop()
    assert time.monotonic() - started < 2
    assert not any(psutil.pid_exists(pid) for name in ("one", "two") for pid in pids(tmp_path, name))


def test_kills_what_does_not_stop_and_says_so(
    tmp_path: Path, make_child: MakeChild, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervising, "STOP_SECONDS", 0.5)
    watch = Supervisor()
    watch.start(make_child("deaf", f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint()\n{SLEEPS}"))
    until(lambda: pids(tmp_path, "deaf"))
    time.sleep(0.3)
    assert not watch.stop()
    assert "deaf did not stop within 0.5 s" in capsys.readouterr().out
    assert not psutil.pid_exists(pids(tmp_path, "deaf")[0])


def test_starts_the_dead_again_and_says_so(
    tmp_path: Path, make_child: MakeChild, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cli.running.child.FIRST_DELAY", 0.05)
    watch = Supervisor()
    child = make_child("mortal", SLEEPS)
    child._delay = 0.05
    watch.start(child)

    def tended(count: int) -> bool:
        watch._tend(child)
        return len(pids(tmp_path, "mortal")) == count

    for count in (1, 2, 3):
        until(lambda count=count: tended(count))
        os.kill(pids(tmp_path, "mortal")[-1], signal.SIGKILL)
    watch.stop()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "mortal ended with status -9; starting it again in 0.05 s",
        "mortal ended with status -9; starting it again in 0.1 s",
    ]


def test_backoff_doubles_up_to_a_limit(make_child: MakeChild) -> None:
    child = make_child("never", SLEEPS)
    child._started = time.monotonic()
    delays = [child.plan_restart() for _ in range(8)]
    assert delays == [FIRST_DELAY * 2**power for power in range(5)] + [LONGEST_DELAY] * 3


def test_a_child_ends_with_its_parent_even_a_killed_one(tmp_path: Path, make_child: MakeChild) -> None:
    make_child("orphan", f"from cli.lifeline import hold\nhold()\n{SLEEPS}")
    parent = f"""
        import sys, time
        sys.path.insert(0, {str(Path.cwd())!r})
        from pathlib import Path
        from cli.running.child import Child
        paths = {{"PYTHONPATH": "{tmp_path}:{Path.cwd()}"}}
        Child("orphan", ("orphan",), paths, Path({str(tmp_path / "log")!r})).start()
        time.sleep(60)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(parent)])
    until(lambda: pids(tmp_path, "orphan"))
    time.sleep(0.3)
    process.kill()
    process.wait()
    until(lambda: not psutil.pid_exists(pids(tmp_path, "orphan")[0]))
