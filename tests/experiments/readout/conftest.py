"""Experiments whose totals are written as the joiner writes them, round by round."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, insert, update
from sqlmodel import col

from experiments.model.access.principal import SYSTEM
from experiments.model.deciding.hashing import unit_bucket
from experiments.model.designing.definition import Definition
from experiments.model.tables.core import Experiment, Revision
from experiments.model.times import HOUR
from experiments.services.joining.rolling_up import Batch, Counted
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, transaction
from experiments.store.joining.matured import Matured
from experiments.store.rollups.tiers import TotalsWriter, metric_places, write_rollups
from experiments.views.readout import Question, readout

START = 1_700_000_000_000_000 // HOUR * HOUR
SALT = b"\x05" * 32


@dataclass
class Campaign:
    """One experiment; `enrol` adds units with matured decisions."""

    engine: Engine
    definition: Definition
    number: int = 1
    status: str = "running"
    units: int = 0
    revision: int = 1
    rounds: list[tuple[Matured, dict[str, float]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        document = self.definition.model_dump(mode="json")
        stopped = START + 90 * 24 * HOUR if self.status == "stopped" else None
        head = {
            "id": self.number, "key": self.definition.key, "salt": SALT, "status": self.status, "version": 1,
            "revision": 1, "definition": document, "created_at": START, "started_at": START, "stopped_at": stopped,
        }  # fmt: skip
        with transaction(self.engine) as session:
            session.connection().execute(insert(Experiment), [head])
            revision = {"experiment_id": self.number, "number": 1, "definition": document, "opened_at": START}
            session.connection().execute(insert(Revision), [revision])

    def enrol(self, variant: str, arm: str, values: list[dict[str, float]], segment: str = "", every: int = 1) -> None:
        """One unit for every `every` decisions; its metrics that are not zero."""
        rounds = []
        for place, metrics in enumerate(values):
            unit, again = divmod(place, every)
            name = f"{variant}-{self.units + unit}"
            known = {
                "id": 0,
                "unit_id": name,
                "revision": self.revision,
                "variant": variant,
                "arm": arm,
                "propensity": 1.0,
            }
            new = {"new_unit": not again, "new_arm_unit": not again, "decided_at": START + (place % 300) * HOUR}
            one = Matured(**{**dict.fromkeys(Matured._fields), "mode": "fixed", **known, **new})
            rounds.append((Counted(one, segment, unit_bucket(SALT, name), metrics), metrics))
        self.units += -(-len(values) // every)
        self.rounds += [(counted.decision, metrics) for counted, metrics in rounds]
        with transaction(self.engine) as session:
            connection = session.connection()
            batch = Batch(metric_places(connection, self.number))
            for counted, _ in rounds:
                batch.add(counted)
            increments, writer = batch.increments(self.number), TotalsWriter()
            writer.load(connection, self.number, increments.keys)
            write_rollups(connection, self.number, increments, writer.sums_after(self.number, increments))

    def revise(self, **shares: float) -> None:
        """A new revision with other shares; who is enrolled from here on is in it."""
        document = self.definition.model_dump(mode="json")
        for variant in document["variants"]:
            variant["share"] = shares[variant["key"]]
        self.revision += 1
        with transaction(self.engine) as session:
            connection = session.connection()
            head = update(Experiment).where(col(Experiment.id) == self.number)
            connection.execute(head.values(revision=self.revision, definition=document))
            opened = {"experiment_id": self.number, "number": self.revision, "opened_at": START + self.revision * HOUR}
            connection.execute(insert(Revision), [opened | {"definition": document}])

    def values(self, variant: str, metric: str, revision: int | None = None) -> np.ndarray:
        """Of every decision of the variant, in one revision or in all."""
        return np.array(
            [
                metrics.get(metric, 0.0)
                for one, metrics in self.rounds
                if one.variant == variant and revision in (None, one.revision)
            ]
        )

    def readout(self, **question: Any) -> dict[str, Any]:
        return readout(self.engine, SYSTEM, self.definition.key, Question(**question))


def defined(**changes: Any) -> Definition:
    document: dict[str, Any] = {
        "key": "campaign",
        "objective": {"maximise": "reengagement", "margin": 0.5},
        "arms": [{"key": "nothing"}, {"key": "bogo-5", "event_type": "bogo"}, {"key": "sale", "event_type": "sale"}],
        "variants": [
            {"key": "treated", "share": 0.5, "policy": {"name": "fixed", "params": {"arm": "bogo-5"}}},
            {"key": "holdout", "share": 0.5, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
        ],
    }
    return Definition.model_validate(document | changes)


def customers(rng: np.random.Generator, n: int, rate: float, cost: float = 0.0) -> list[dict[str, float]]:
    """Who came back, what they spent, what they cost: metrics of n decisions."""
    back = rng.random(n) < rate
    spent = np.where(back, rng.exponential(20.0, n).round(2), 0.0)
    gone = rng.random(n) < 0.02
    found = []
    for came, revenue, left in zip(back.tolist(), spent.tolist(), gone.tolist(), strict=True):
        one = {"reengagement": 1.0, "session": 1.0, "revenue": revenue, "reward_cost": cost} if came else {}
        one |= {"contact_cost": 0.1} if cost else {}
        one["net_value"] = 0.5 * one.get("revenue", 0.0) - one.get("reward_cost", 0.0) - one.get("contact_cost", 0.0)
        one |= {"unsubscribe": 1.0} if left else {}
        found.append({name: value for name, value in one.items() if value})
    return found


@pytest.fixture
def quick_engine(sqlite_url: str) -> Iterator[Engine]:
    """SQLite alone, for statistics."""
    engine = engine_for(Settings(database_url=sqlite_url, _env_file=None))
    yield engine
    engine.dispose()


@pytest.fixture
def campaign(quick_engine: Engine) -> Callable[..., Campaign]:
    """A new experiment; keyword arguments change its definition."""
    made: list[Campaign] = []

    def make(status: str = "running", **changes: Any) -> Campaign:
        key = f"campaign-{len(made)}"
        made.append(Campaign(quick_engine, defined(key=key, **changes), len(made) + 1, status))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def people() -> Callable[..., list[dict[str, float]]]:
    """`customers`."""
    return customers


def lifted(
    campaign: Callable[..., Campaign], people: Callable[..., Any], rates: tuple[float, float], n: int, **changes: Any
) -> Campaign:
    """A campaign with n units a variant, who come back at these rates."""
    made, rng = campaign(**changes), np.random.default_rng([n, 1])
    made.enrol("treated", "bogo-5", people(rng, n, rates[0], cost=1.0))
    made.enrol("holdout", "nothing", people(rng, n, rates[1]))
    return made
