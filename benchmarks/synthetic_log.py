"""A log of decisions and outcomes written straight into the database, for the worker to join and learn from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Engine, insert

from experiments.model.deciding.record import Record, encode_record
from experiments.model.designing.definition import Definition
from experiments.model.tables.core import Decision, Experiment, Outcome, Revision, Void
from experiments.model.times import SECOND
from experiments.store.core.engine import transaction

START = 1_700_000_000 * SECOND
SALT = b"\x07" * 32


@dataclass(frozen=True, slots=True)
class Shape:
    """What the log looks like. Shares are of decisions; `repeats` decisions follow each other for one unit.

    Every `uniform_every`th unit belongs to the variant `uniform`, the others to `bandit`; 0: all of them.
    """

    decisions: int
    arms: int = 4
    numeric: int = 3
    repeats: int = 1
    forced: float = 0.0
    voided: float = 0.0
    rejected: float = 0.0
    by_unit: float = 0.0
    late: float = 0.0
    segments: int = 1
    uniform_every: int = 5
    policy: dict[str, Any] = field(default_factory=lambda: {"name": "epsilon_greedy"})
    extra: dict[str, Any] = field(default_factory=dict)


def definition_of(shape: Shape, key: str) -> Definition:
    """Two variants: the learning one, and a uniform one with a fifth of the units."""
    return Definition.model_validate(
        {
            "key": key,
            "clock": "caller",
            "attribution_window": "PT60S",
            "decision_window": "PT0S",
            "grace": "PT10S",
            "context": {"numeric": [f"x{place}" for place in range(shape.numeric)]},
            "arms": [
                {"key": f"arm-{place}", "reward_amount": float(place), "reward_cost": 0.25 * place, "contact_cost": 0.5}
                for place in range(shape.arms)
            ],
            "variants": [
                {"key": "bandit", "share": 0.8, "policy": shape.policy},
                {"key": "uniform", "share": 0.2, "policy": {"name": "uniform"}},
            ],
            **shape.extra,
        }
    )


def write_log(engine: Engine, shape: Shape, *, key: str = "synthetic", number: int = 1, seed: int = 0) -> int:
    """Write an experiment on the caller's clock whose decisions have all matured; the experiment's id."""
    made = definition_of(shape, key)
    rng = np.random.default_rng([seed, number])
    decisions, outcomes, voids = _rows(shape, made, number, rng)
    head = {
        "id": number,
        "key": key,
        "salt": SALT,
        "status": "running",
        "version": 1,
        "revision": 1,
        "definition": made.model_dump(mode="json"),
        "clock_now": START + (shape.decisions + 100) * SECOND,
        "created_at": START,
        "started_at": START,
    }
    revision = {"experiment_id": number, "number": 1, "definition": head["definition"], "opened_at": START}
    with transaction(engine) as session:
        for table, rows in (
            (Experiment, [head]),
            (Revision, [revision]),
            (Decision, decisions),
            (Outcome, outcomes),
            (Void, voids),
        ):
            if rows:
                session.connection().execute(insert(table), rows)
    return number


Rows = list[dict[str, Any]]


def _rows(shape: Shape, made: Definition, number: int, rng: np.random.Generator) -> tuple[Rows, Rows, Rows]:
    weights = rng.normal(size=(shape.arms, shape.numeric))
    decisions: Rows = []
    outcomes: Rows = []
    voids: Rows = []
    for place in range(shape.decisions):
        context = rng.normal(size=shape.numeric).round(3)
        pmf = rng.dirichlet(np.ones(shape.arms)) * 0.9 + 0.1 / shape.arms
        chosen = int(rng.choice(shape.arms, p=pmf))
        decisions.append(_decision(shape, made, number, (place, context, pmf, chosen), rng))
        decision = decisions[-1]
        if rng.random() < shape.voided + shape.rejected:
            kind = (
                "replay_rejected" if rng.random() < shape.rejected / (shape.voided + shape.rejected) else "suppressed"
            )
            voids.append({"decision_id": decision["id"], "reason": kind, "voided_at": decision["decided_at"]})
        if rng.random() < 1.0 / (1.0 + np.exp(1.0 - weights[chosen] @ context)):
            outcomes += _outcomes(shape, decision, rng)
    return decisions, outcomes, voids


def _decision(
    shape: Shape, made: Definition, number: int, drawn: tuple[int, Any, Any, int], rng: np.random.Generator
) -> dict[str, Any]:
    place, context, pmf, chosen = drawn
    unit, epoch = divmod(place, shape.repeats)
    decided_at = START + place * SECOND
    record = Record(
        context={f"x{feature}": float(value) for feature, value in enumerate(context)},
        eligible=[arm.key for arm in made.arms],
        pmf=pmf.tolist(),
        policy=shape.policy["name"],
        segment=f"s{unit % shape.segments}" if shape.segments > 1 else "",
    )
    return {
        "id": number * 10**9 + place,
        "experiment_id": number,
        "unit_id": f"u{unit}",
        "epoch": epoch,
        "attempt": 0,
        "revision": 1,
        "variant": "uniform" if shape.uniform_every and unit % shape.uniform_every == 0 else "bandit",
        "arm": made.arms[chosen].key,
        "propensity": float(pmf[chosen]),
        "mode": "forced" if rng.random() < shape.forced else "learned",
        "decided_at": decided_at,
        "expires_at": decided_at,
        "matures_at": decided_at + 70 * SECOND,
        "idempotency_key": str(place),
        "record": encode_record(record).decode(),
    }


def _outcomes(shape: Shape, decision: dict[str, Any], rng: np.random.Generator) -> Rows:
    named = rng.random() >= shape.by_unit
    late = rng.random() < shape.late
    at = decision["decided_at"] + int(rng.integers(0, 55)) * SECOND
    shared = {
        "source": "",
        "decision_id": decision["id"] if named else None,
        "unit_id": None if named else decision["unit_id"],
        "occurred_at": at,
        "received_at": at,
        "received_clock": decision["matures_at"] + SECOND if late and named else at,
        "outcome_class": "late" if late and named else "accepted",
    }
    session = {"event_id": f"{decision['id']}-s", "kind": "session", "value": None}
    revenue = {"event_id": f"{decision['id']}-r", "kind": "revenue", "value": float(rng.integers(1, 40)) / 4}
    return [shared | session, shared | revenue]
