"""Two overlapping campaigns with known truth, written straight into the log; and the truth by brute force."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Engine, insert

from experiments.model.deciding.hashing import h, unit_bucket
from experiments.model.deciding.record import Record, encode_record
from experiments.model.designing.definition import Definition
from experiments.model.portfolio import DAY
from experiments.model.tables.core import Decision, Experiment, Outcome, Revision, ServiceSetting
from experiments.model.tables.portfolio import HeldOutAsk
from experiments.model.tables.workers import LoggedRound
from experiments.store.core.engine import transaction

START = 20_000 * DAY
DAYS = 20
WINDOW = 2 * DAY
SALT = "5a" * 32
BASE, ONE, BOTH = 0.10, 0.05, 0.06
"""Chance to come back untouched, and what one campaign or both add: the second adds next to nothing."""


@dataclass
class World:
    """Rows of everything. Each unit qualifies for campaign 1, 2 or both at instants of its own."""

    units: int
    share: float = 0.2
    seed: int = 0
    held: dict[str, int] = field(default_factory=dict)
    reached: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    rounds: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 7])
        for place in range(self.units):
            unit = f"w{self.seed}-{place}"
            campaigns = [1, 2] if rng.random() < 0.6 else [int(rng.integers(1, 3))]
            asks = sorted((START + int(rng.integers(0, (DAYS - 4) * DAY)), number) for number in campaigns)
            if h(bytes.fromhex(SALT), "holdout", unit) < self.share:
                self.held[unit] = asks[0][0]
                chance = BASE
            else:
                self.reached[unit] = asks
                chance = BASE + (BOTH if len(campaigns) > 1 else ONE)
            self._live(unit, asks, chance, rng)

    def write(self, engine: Engine) -> None:
        """Everything but the outcomes."""
        history = [{"since": 0, "share": self.share}]
        decisions = []
        for unit, asks in self.reached.items():
            for at, number in asks:
                decisions.append(_decision(len(decisions) + 1, unit, at, number))
                self.rounds.append(_round(decisions[-1]))
        self.rounds.sort(key=lambda row: (row["decided_at"], row["decision_id"]))
        held = [{"unit_id": u, "asked_at": at, "matures_at": at + WINDOW} for u, at in self.held.items()]
        with transaction(engine) as session:
            session.add(
                ServiceSetting(name="global_holdout", value={"share": self.share, "salt": SALT, "history": history})
            )
            for number in (1, 2):
                _add_experiment(session, number)
            session.flush()
            for table, rows in ((Decision, decisions), (HeldOutAsk, held)):
                session.connection().execute(insert(table), rows)

    def add(self, engine: Engine, table: type, rows: list[dict[str, Any]]) -> None:
        """More of the log, in the order given."""
        if rows:
            with transaction(engine) as session:
                session.connection().execute(insert(table), rows)

    def enrolled(self) -> dict[str, tuple[int, int]]:
        """Unit → (held out, since)."""
        return {u: (1, at) for u, at in self.held.items()} | {u: (0, a[0][0]) for u, a in self.reached.items()}

    def sums(self) -> dict[tuple[int, int, str], np.ndarray]:
        """Day, side, metric → sums by bucket, by going through everything."""
        found: dict[tuple[int, int, str], np.ndarray] = defaultdict(lambda: np.zeros(256))
        salt, back = bytes.fromhex(SALT), {}
        enrolled = self.enrolled()
        for unit, (side, at) in enrolled.items():
            found[at // DAY, side, "#units"][unit_bucket(salt, unit)] += 1
        for row in self.outcomes:
            side, since = enrolled[row["unit_id"]]
            if row["occurred_at"] < since:
                continue
            bucket, value = unit_bucket(salt, row["unit_id"]), row["value"] if row["kind"] == "revenue" else 1.0
            found[row["occurred_at"] // DAY, side, row["kind"]][bucket] += value
            if row["kind"] == "session":
                back.setdefault(row["unit_id"], row["occurred_at"])
        for unit, at in back.items():
            found[at // DAY, enrolled[unit][0], "reengagement"][unit_bucket(salt, unit)] += 1
        for row in self.rounds:
            found[row["decided_at"] // DAY, 0, "contact_cost"][unit_bucket(salt, row["unit"])] += 0.5
        return found

    def _live(self, unit: str, asks: list[tuple[int, int]], chance: float, rng: np.random.Generator) -> None:
        moments = [asks[0][0] - DAY] if rng.random() < 0.3 else []  # before anything: never counts
        if rng.random() < chance:
            moments.append(asks[-1][0] + int(rng.integers(0, WINDOW)))
        for at in moments:
            place = len(self.outcomes)
            shared = {"source": "", "decision_id": None, "unit_id": unit, "occurred_at": at, "received_at": at}
            shared |= {"received_clock": None, "outcome_class": "accepted", "properties": None}
            self.outcomes.append(shared | {"event_id": f"{place}s", "kind": "session", "value": None})
            self.outcomes.append(
                shared | {"event_id": f"{place}r", "kind": "revenue", "value": float(rng.integers(1, 9))}
            )


def _decision(number: int, unit: str, at: int, experiment: int) -> dict[str, Any]:
    record = Record(context={}, eligible=["mail"], pmf=[1.0], policy="fixed")
    return {
        "id": number, "experiment_id": experiment, "unit_id": unit, "epoch": 0, "attempt": 0, "revision": 1,
        "variant": "all", "arm": "mail", "propensity": 1.0, "mode": "fixed", "snapshot_id": None, "decided_at": at,
        "expires_at": at + WINDOW, "matures_at": at + WINDOW, "idempotency_key": None,
        "record": encode_record(record).decode(),
    }  # fmt: skip


def _round(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "decision_id": row["id"], "experiment_id": row["experiment_id"], "revision": 1, "variant": "all", "arm": "mail",
        "segment": "", "propensity": 1.0, "reward": 0.0, "metrics": {"contact_cost": 0.5},
        "decided_at": row["decided_at"], "learnable": True, "voided": False, "unit": row["unit_id"],
    }  # fmt: skip


def stored_round(row: dict[str, Any]) -> dict[str, Any]:
    """As logged_rounds has it."""
    return {name: value for name, value in row.items() if name != "unit"}


def _add_experiment(session: Any, number: int) -> None:
    definition = Definition.model_validate({
        "key": f"c{number}", "name": f"Campaign {number}", "attribution_window": "P2D", "grace": "PT0S",
        "objective": {"margin": 0.5}, "arms": [{"key": "mail", "contact_cost": 0.5}],
        "variants": [{"key": "all", "share": 1, "policy": {"name": "fixed", "params": {"arm": "mail"}}}],
    }).model_dump(mode="json")  # fmt: skip
    head = {"salt": b"\x01" * 32, "status": "running", "definition": definition, "created_at": START}
    session.add(Experiment(id=number, key=f"c{number}", started_at=START, **head))
    session.add(Revision(experiment_id=number, number=1, definition=definition, opened_at=START))


OUTCOME = Outcome
ROUND = LoggedRound
