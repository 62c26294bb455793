"""`winback run --demo` as a newcomer meets it: up, a killed API, Ctrl-C, and up again."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from cli.running.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


class Session:
    """`winback run --demo` in a folder of its own, in a process group of its own as a terminal gives it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "run.log"
        ports = {"WINBACK_API_PORT": str(self.port), "WINBACK_DASHBOARD_PORT": str(free_port())}
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), **ports}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        self.log.write_bytes(b"")
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", *(arguments or ("run", "--demo"))],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.log.read_text()

    def interrupt(self) -> float:
        """Ctrl-C; the seconds until everything has ended."""
        assert self.process is not None
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.wait(60) == 0
        return time.monotonic() - began

    def child(self, module: str) -> psutil.Process:
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        return next(each for each in children if module in each.cmdline())

    def decisions(self) -> int:
        found = re.findall(r"demo: ([\d,]+) decisions", self.text())
        return int(found[-1].replace(",", "")) if found else 0

    def winback(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.run(
            command, check=False, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def until(condition: Callable[[], object], session: Session, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert session.process is not None
        assert session.process.poll() is None, session.text()
        assert time.monotonic() < deadline, session.text()
        time.sleep(0.1)


def ready(session: Session) -> bool:
    try:
        return httpx.get(f"{session.url}/readyz", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.timeout(400)
def test_from_nothing_to_a_campaign_and_back(session: Session) -> None:
    session.start()
    until(session.decisions, session)
    printed = re.search(r"admin key +(wb_\w+_\S+)\n +login +(\S+) +password +(\S+)", session.text())
    assert printed is not None
    key = printed[1]
    shown = httpx.get(f"{session.url}/v1/experiments/demo-winback", headers={"Authorization": f"Bearer {key}"})
    assert shown.json()["status"] == "running"

    session.child("api").kill()
    until(lambda: "api ended with status -9; starting it again in 1 s" in session.text(), session)
    before = session.decisions()
    until(lambda: session.decisions() > before + 100, session)

    told = session.decisions()
    # The children have four seconds before they are killed, which would be told; the rest is room for the suite that
    # runs beside and for a slow machine's interpreters to end.
    assert session.interrupt() < 20
    text = session.text()
    assert "was killed" not in text
    assert "Traceback" not in text and "ERROR" not in text and "leaked" not in text
    assert not ready(session)
    checked = session.winback("verify", "demo-winback", "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["checked"] >= told, "every decision that was answered is there"

    session.start()
    until(lambda: "Ctrl-C stops" in session.text(), session)
    assert "admin key" not in session.text(), "shown once"
    assert session.process is not None
    session.process.terminate()
    assert session.process.wait(60) == 0


@pytest.mark.parametrize(("command", "says"), [("api", None), ("worker", "acting"), ("consume", "waiting")])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_leaves_the_terminal_clean(
    session: Session, sqlite_template: Path, command: str, says: str | None, number: int
) -> None:
    """Nothing of what libraries hold at the end is told."""
    (session.folder / "var").mkdir()
    shutil.copy(sqlite_template, session.folder / "var" / "winback.db")
    if command == "consume":
        session.environment["WINBACK_BROKER_URL"] = "amqp://127.0.0.1:1"  # nobody is there
    session.start(command)
    until(lambda: ready(session) if says is None else says in session.text(), session)
    assert session.process is not None
    session.process.send_signal(number)
    session.process.wait(60)
    assert "leaked" not in session.text()


def test_a_taken_port_ends_at_once_with_the_remedy(session: Session) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", session.port))
        other.listen()
        shown = session.winback("run")
    assert shown.returncode == 2
    assert "WINBACK_API_PORT=" in shown.stderr and "Traceback" not in shown.stderr
    assert not (session.folder / "var").exists()
