"""How long others wait while the edge is attacked: `/healthz` during each attack beside its idle time in the same run.

One API process on one core; the probe shares the other with an attacker, who begins anew when the last attack is
answered, so that part of what is measured is the attacker's own work. Idle is measured before every attack anew.

    python -m benchmarks.edge [--seconds N]
"""

import argparse
import multiprocessing
import socket
import time
from multiprocessing.synchronize import Event

import numpy as np
import psutil

from benchmarks import attacks
from benchmarks.attacks import MEGABYTE, Attack
from benchmarks.decisions import LOAD_CORE, SERVER_CORE, free_port, fresh_database, served
from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.services.access.granting_keys import create_key
from experiments.services.designing.definitions import create_experiment
from experiments.services.designing.steering import move_experiment
from experiments.settings import Settings
from experiments.store.core.engine import engine_for

PAUSE = 0.05
PROBE = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
ATTACKS: list[Attack] = [
    *(attacks.header(size) for size in (1_000, 40_000, MEGABYTE, 10 * MEGABYTE, 40 * MEGABYTE, 100 * MEGABYTE)),
    attacks.headers(10_000),
    attacks.announced(60_000_000, "/v1/users"),
    attacks.endless(60_000_000, "/v1/track"),
    attacks.bomb(900_000_000),
    *attacks.documents("x"),
]


def prepare(url: str) -> str:
    """An experiment that runs; the key."""
    engine = engine_for(Settings(database_url=url))
    variants = [{"key": "v", "share": 1, "policy": {"name": "uniform"}}]
    create_experiment(engine, SYSTEM, {"key": "x", "arms": [{"key": "a"}, {"key": "b"}], "variants": variants})
    move_experiment(engine, SYSTEM, "x", "start")
    key = create_key(engine, SYSTEM, "edge", SCOPES).key
    engine.dispose()
    return key


def probe(port: int, seconds: float) -> np.ndarray:
    """Milliseconds of one health check after the other on one connection, for some time."""
    taken = []
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            caller.sendall(PROBE)
            received = b""
            while not received.endswith(b'{"status":"alive"}'):
                received += caller.recv(4096)
            taken.append(1000 * (time.perf_counter() - began))
            time.sleep(0.002)
    return np.array(taken)


def attacker(port: int, wanted: Attack, key: bytes, stop: Event, done: "multiprocessing.Queue[int]") -> None:
    """The same attack again and again; how many there were."""
    count = 0
    while not stop.is_set():
        attacks.attack(port, wanted, key)
        count += 1
        time.sleep(PAUSE)
    done.put(count)


def under(port: int, wanted: Attack, key: bytes, seconds: float) -> tuple[np.ndarray, float]:
    """The probe's times during an attack, and attacks a second."""
    stop, done = multiprocessing.Event(), multiprocessing.Queue()
    parts = list(wanted.write(key))
    ready = Attack(wanted.name, lambda _: parts, wanted.statuses)
    caller = multiprocessing.Process(target=attacker, args=(port, ready, key, stop, done))
    caller.start()
    times = probe(port, seconds)
    stop.set()
    count = done.get()
    caller.join()
    return times, count / seconds


def main() -> None:
    """Print a row for each attack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_args().seconds
    with fresh_database("sqlite") as url:
        key, port = prepare(url).encode(), free_port()
        with served(["-m", "cli", "api", "--port", str(port)], port, SERVER_CORE, {"WINBACK_DATABASE_URL": url}) as api:
            psutil.Process().cpu_affinity([LOAD_CORE])
            probe(port, 1.0)  # warms up
            print("| attack | a second | idle p50 / p99 ms | during | ratio of p50 | of p99 | longest ms | MB |")
            print("|---|---|---|---|---|---|---|---|")
            for wanted in ATTACKS:
                row(api, wanted, probe(port, 1.0), *under(port, wanted, key, seconds))


def row(api: psutil.Process, wanted: Attack, idle: np.ndarray, times: np.ndarray, rate: float) -> None:
    """Print what one attack did."""
    (idle_median, idle_tail), (median, tail) = np.percentile(idle, [50, 99]), np.percentile(times, [50, 99])
    print(
        f"| {wanted.name} | {rate:,.0f} | {idle_median:.2f} / {idle_tail:.2f} | {median:.2f} / {tail:.2f} "
        f"| {median / idle_median:.1f} | {tail / idle_tail:.1f} | {times.max():.0f} "
        f"| {api.memory_info().rss / MEGABYTE:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
