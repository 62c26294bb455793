"""The API as a process of its own, to be killed."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]


def environment_over(url: str) -> dict[str, str]:
    """Variables of a process over a database, with the same data directory whenever it is started again."""
    beside = {} if url.startswith("sqlite") else {"WINBACK_DATA_DIR": _folder_of(url).name}
    return os.environ | {"WINBACK_DATABASE_URL": url} | beside


@cache
def _folder_of(url: str) -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="winback-")


@contextmanager
def api_process(url: str, **settings: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Its port and its process, once it listens; `settings` are further variables of its environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = environment_over(url) | settings
    process = subprocess.Popen([sys.executable, "-m", "cli", "api", "--port", str(port)], cwd=ROOT, env=environment)
    try:
        deadline = time.monotonic() + 60
        while not _listens(port):
            assert time.monotonic() < deadline and process.poll() is None, "the API did not start"
            time.sleep(0.05)
        yield port, process
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
