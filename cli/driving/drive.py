"""From a log and its spec to the documents of its seeds."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bandit.policies import DEFAULT_POLICY
from cli.client import Client
from cli.console import progress
from cli.driving.experiment import definition
from cli.driving.player import Player
from cli.driving.rows import plays
from cli.driving.summary import Drive, mean_lift
from cli.driving.temporary import temporary_service
from offline_eval.logs import Log, LogBatch, open_log, read_spec


@dataclass(frozen=True, slots=True)
class Service:
    """A running service to play against; without an address each seed gets a temporary one."""

    url: str | None = None
    key: str = ""


def drive_seeds(
    log: Path, spec: Path, policy: str | None, seeds: Sequence[int], service: Service
) -> Iterator[dict[str, Any]]:
    """One document per seed. Raises LogError and CallError before anything is started, JobError afterwards."""
    opened = open_log(log, read_spec(spec))
    table, name = opened.table(), policy or DEFAULT_POLICY
    definition(opened, name, seeds[0], "checked-first")
    for seed in seeds:
        with _connected(service) as client:
            yield drive_seed(client, opened, table, name, seed)


def drive_seed(client: Client, log: Log, table: LogBatch, policy: str, seed: int) -> dict[str, Any]:
    """Play the whole log once. Raises CallError, JobError."""
    rows = plays(log, seed)
    key = _experiment_key(log, policy, seed)
    client.post("/v1/experiments", definition(log, policy, seed, key))
    client.post(f"/v1/experiments/{key}/start")
    player = Player(client, key)
    with progress(f"{log.spec.name} {policy} seed {seed}", len(rows)) as advance:
        player.play(rows, advance)
    verified = client.get(f"/v1/experiments/{key}/verify")
    return Drive(
        seed=seed,
        policy=policy,
        decisions=len(rows),
        rewards=player.rewards,
        first_half=player.first_half,
        snapshots=player.snapshots(),
        checked=verified["checked"],
        different=verified["different"],
    ).document(log, table)


def summary(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The document of several seeds; of one, its own."""
    if len(documents) == 1:
        return documents[0]
    first = documents[0]
    return {
        "log": first["log"],
        "policy": first["policy"],
        "lift_over_uniform": mean_lift(documents).as_dict(),
        "different": sum(document["verified"]["different"] for document in documents),
        "seeds": list(documents),
    }


@contextmanager
def _connected(service: Service) -> Iterator[Client]:
    if service.url is not None:
        with Client(service.url, service.key) as client:
            yield client
        return
    with temporary_service() as running, Client(running.url, running.key) as client:
        yield client


def _experiment_key(log: Log, policy: str, seed: int) -> str:
    """Readable, and new each time: a service that is there may hold earlier drives of the same log."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{log.spec.name}-{policy}").strip("-")[:32]
    return f"drive-{name}-{seed}-{time.time_ns() // 1_000_000:x}"
