"""`winback dashboard` as a process."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]


def test_who_asks_while_the_pages_are_being_loaded_waits_and_is_answered(sqlite_url: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "cli", "dashboard", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"WINBACK_DATABASE_URL": sqlite_url})
    try:
        deadline = time.monotonic() + 60
        while not _listens(port):
            assert time.monotonic() < deadline and process.poll() is None, "the dashboard did not start"
            time.sleep(0.01)
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=60).status_code == 303
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
