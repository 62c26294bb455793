"""From a log and its spec to the documents of its seeds."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bandit.policies import DEFAULT_POLICY
from cli.client import Client
from cli.console import progress, progress_towards
from cli.driving.experiment import definition
from cli.driving.player import Player
from cli.driving.rows import plays
from cli.driving.summary import Baselines, Drive, mean_lift
from cli.driving.temporary import temporary_service
from experiments.model.access.principal import SYSTEM
from experiments.services.opening import open_service
from experiments.services.verifying import verify
from experiments.settings import Settings
from offline_eval.logs import Log, open_log, read_spec

Verify = Callable[[str], tuple[int, int]]
"""Key of an experiment → how many of its decisions were derived again, and how many of them differ."""


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
    name = policy or DEFAULT_POLICY
    definition(opened, name, seeds[0], "checked-first")
    baselines = Baselines.of(opened)
    for seed in seeds:
        with _connected(service) as (client, verified):
            yield drive_seed(client, verified, Course(opened, baselines, name, seed))


@dataclass(frozen=True, slots=True)
class Course:
    """What is played beside which baselines: a log, with which policy and seed."""

    log: Log
    baselines: Baselines
    policy: str
    seed: int


def drive_seed(client: Client, verified: Verify, course: Course) -> dict[str, Any]:
    """Play the whole log once. Raises CallError, JobError."""
    log, policy, seed = course.log, course.policy, course.seed
    rows = plays(log, seed)
    key = _experiment_key(log, policy, seed)
    client.post("/v1/experiments", definition(log, policy, seed, key))
    client.post(f"/v1/experiments/{key}/start")
    player = Player(client, key)
    with progress(f"{log.spec.name} {policy} seed {seed}", len(rows)) as advance:
        player.play(rows, advance)
    checked, different = verified(key)
    return Drive(
        seed=seed,
        policy=policy,
        decisions=len(rows),
        rewards=player.rewards,
        first_half=player.first_half,
        snapshots=player.snapshots(),
        checked=checked,
        different=different,
    ).document(log.spec.name, course.baselines)


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
def _connected(service: Service) -> Iterator[tuple[Client, Verify]]:
    if service.url is not None:
        with Client(service.url, service.key) as client:
            yield client, partial(_verify_there, client)
        return
    with temporary_service() as running, Client(running.url, running.key) as client:
        yield client, partial(_verify_here, running.settings)


def _verify_here(settings: Settings, key: str) -> tuple[int, int]:
    opened = open_service(settings)
    try:
        with progress_towards("verifying") as advance:
            found = verify(opened.engine, SYSTEM, key, advance)
    finally:
        opened.engine.dispose()
    return found.checked, found.different


def _verify_there(client: Client, key: str) -> tuple[int, int]:
    checked, different = 0, 0
    parameters: dict[str, str] = {}
    while True:
        found = client.get(f"/v1/experiments/{key}/verification", **parameters)
        checked, different = checked + found["checked"], different + found["different"]
        if found["next_cursor"] is None:
            return checked, different
        parameters = {"cursor": found["next_cursor"]}


def _experiment_key(log: Log, policy: str, seed: int) -> str:
    """Readable, and new each time: a service that is there may hold earlier drives of the same log."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{log.spec.name}-{policy}").strip("-")[:32]
    return f"drive-{name}-{seed}-{time.time_ns() // 1_000_000:x}"
