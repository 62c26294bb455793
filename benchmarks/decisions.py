"""Durable decisions per second beside a bare FastAPI endpoint that only echoes the same body.

12 arms, 20 context features, SquareCB restored from a trained snapshot, profiles joined, the worker running. The API
is one process on one core; the load comes from the other. `--memory` shows instead that the process does not grow.

    python -m benchmarks.decisions [--memory] [--requests N] [--rounds N]
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import uvloop
from sqlalchemy.engine import make_url

import migrations
from benchmarks.decision_setup import FEATURES, prepare
from benchmarks.load import Measured, drive, request_bytes
from experiments.settings import Settings

CONCURRENCIES = (1, 16, 64)
SERVER_CORE, LOAD_CORE = 0, 1
ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def served(command: list[str], port: int, core: int, environment: dict[str, str]) -> Iterator[psutil.Process]:
    """A server on one core, until the block ends."""
    process = subprocess.Popen(
        ["taskset", "-c", str(core), sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        if port:
            _wait_for(port, process)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def fresh_database(kind: str) -> Iterator[str]:
    """The URL of a migrated database."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/bench.db"
            migrations.upgrade(url)
            yield url
        return
    server, name = make_url(os.environ["WINBACK_TEST_POSTGRES_URL"]), f"winback_bench_{uuid4().hex[:12]}"
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            url = server.set(database=name).render_as_string(hide_password=False)
            migrations.upgrade(url)
            yield url
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def api_process(url: str) -> Iterator[tuple[int, psutil.Process]]:
    """An API process over the database, with a worker beside the load."""
    port, environment = free_port(), {"WINBACK_DATABASE_URL": url}
    worker = served(["-m", "cli", "worker"], 0, LOAD_CORE, environment)
    with served(["-m", "cli", "api", "--port", str(port)], port, SERVER_CORE, environment) as process, worker:
        yield port, process


def bodies(count: int, start: int) -> list[bytes]:
    """Requests of units that nobody asked for before."""
    return [b'{"unit_id":"unit-%09d","context":%b}' % (start + n, FEATURES[n % len(FEATURES)]) for n in range(count)]


def measure(port: int, path: str, key: str | None, concurrency: int, sent: list[bytes]) -> Measured:
    """Drive the bodies through one server."""
    return uvloop.run(drive(port, concurrency, [request_bytes(path, key, body) for body in sent]))


def compare(kind: str, requests: int, rounds: int) -> None:
    """Print the ratios on one kind of database; each round measures both servers, one after the other."""
    with fresh_database(kind) as url:
        key = prepare(Settings(database_url=url))
        echo_port = free_port()
        echo = [
            "-m",
            "uvicorn",
            "benchmarks.echo:app",
            "--port",
            str(echo_port),
            "--no-access-log",
            "--log-level",
            "error",
        ]
        with served(echo, echo_port, SERVER_CORE, {}), api_process(url) as (port, _):
            used = 0
            for concurrency in CONCURRENCIES:
                count = requests if concurrency > 1 else requests // 5
                pairs: list[tuple[Measured, Measured]] = []
                for _ in range(rounds + 1):
                    sent, used = bodies(count, used), used + count
                    floor = measure(echo_port, "/echo", None, concurrency, sent)
                    pairs.append((measure(port, "/v1/experiments/bench/assignments", key, concurrency, sent), floor))
                _report(kind, concurrency, pairs[1:])  # the first warms up


def _report(kind: str, concurrency: int, pairs: list[tuple[Measured, Measured]]) -> None:
    ratio = statistics.median(ours.per_second / floor.per_second for ours, floor in pairs)
    ours, floor = sorted(pairs, key=lambda pair: pair[0].per_second)[len(pairs) // 2]
    failures = sum(each.failures for pair in pairs for each in pair)
    print(
        f"| {kind} | {concurrency} | {ratio:.2f} | {ours.per_second:,.0f} | {ours.p50:.2f} / {ours.p99:.2f} "
        f"| {floor.per_second:,.0f} | {floor.p50:.2f} / {floor.p99:.2f} |"
        + (f" {failures} failures" if failures else ""),
        flush=True,
    )


def memory(decisions: int = 200_000, chunk: int = 20_000) -> None:
    """Print the API process's resident memory over many decisions."""
    with fresh_database("sqlite") as url:
        key = prepare(Settings(database_url=url))
        with api_process(url) as (port, process):
            print("| decisions | resident MB |\n|---|---|")
            for done in range(0, decisions + 1, chunk):
                print(f"| {done:,} | {process.memory_info().rss / 2**20:.1f} |", flush=True)
                if done < decisions:
                    measure(port, "/v1/experiments/bench/assignments", key, 16, bodies(chunk, done))


def main(arguments: list[str] | None = None) -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    os.sched_setaffinity(0, {LOAD_CORE})
    if chosen.memory:
        memory()
        return
    print("Durable decisions beside an echo, requests/s; p50 / p99 in ms")
    print("| database | concurrency | ratio | decisions/s | p50 / p99 | echoes/s | p50 / p99 |")
    print("|---" * 7 + "|")
    compare("sqlite", chosen.requests, chosen.rounds)
    if "WINBACK_TEST_POSTGRES_URL" in os.environ:
        compare("postgresql", chosen.requests, chosen.rounds)


if __name__ == "__main__":
    main()
