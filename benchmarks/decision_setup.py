"""The campaign that decisions are measured on: 12 arms, 20 features, a trained SquareCB, profiles of some units."""

import json
import random

import numpy as np

from bandit.policies import build
from bandit.rounds import Round
from bandit.snapshots import fingerprint
from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.model.designing.definition import Definition
from experiments.model.policy_snapshots import seal_policy
from experiments.model.tables.core import Unit
from experiments.model.tables.workers import Learner, Snapshot
from experiments.model.times import now
from experiments.services.access.granting_keys import create_key
from experiments.services.designing.definitions import create_experiment
from experiments.services.designing.steering import move_experiment
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, transaction
from experiments.store.designing.experiments import find

PROFILES = 150_000
TRAINED_ON = 3000
_RNG = random.Random(7)


def _context() -> dict[str, float | str]:
    numbers: dict[str, float | str] = {f"number_{n}": round(_RNG.gauss(0, 1), 4) for n in range(14)}
    return numbers | {f"category_{n}": f"value-{_RNG.randrange(12)}" for n in range(6)}


CONTEXTS = [_context() for _ in range(512)]
FEATURES = [json.dumps(context, separators=(",", ":")).encode() for context in CONTEXTS]

DEFINITION = {
    "key": "bench",
    "context": {
        "numeric": [f"number_{n}" for n in range(14)] + ["profile_orders"],
        "categorical": [f"category_{n}" for n in range(6)],
    },
    "arms": [
        {
            "key": f"arm-{n:02d}",
            "event_type": ["bogo", "discount", "informational"][n % 3],
            "reward_kind": "coupon",
            "reward_amount": 2 + n,
            "reward_cost": 1 + n / 2,
            "attributes": {"send_hour": 8 + n},
            "payload": {"template": f"t{n}"},
        }
        for n in range(12)
    ],
    "variants": [{"key": "bandit", "share": 1.0, "policy": {"name": "squarecb"}}],
}


def prepare(settings: Settings) -> str:
    """Define and start the experiment with a trained snapshot; an API key."""
    engine = engine_for(settings, patient=True)
    create_experiment(engine, SYSTEM, DEFINITION)
    move_experiment(engine, SYSTEM, "bench", "start")
    body, rows = _trained()
    with transaction(engine) as session:
        experiment = find(session, "bench")
        snapshot = Snapshot(
            experiment_id=experiment.id,
            variant="bandit",
            revision=1,
            sha256=fingerprint(body),
            trained_through=0,
            rounds=rows,
            created_at=now(),
            body=body,
        )
        session.add(snapshot)
        session.flush()
        session.add(Learner(experiment_id=experiment.id, variant="bandit", revision=1, snapshot_id=snapshot.id))
        profile = json.dumps({"profile_orders": 3, "country": "DE"})
        session.bulk_insert_mappings(
            Unit,
            [{"unit_id": f"unit-{n:09d}", "profile": profile, "updated_at": now()} for n in range(PROFILES)],
        )
    key = create_key(engine, SYSTEM, "bench", SCOPES).key
    engine.dispose()
    return key


def _trained() -> tuple[bytes, int]:
    definition = Definition.model_validate(DEFINITION)
    made_of = definition.variants[0].policy.as_spec(), definition.context.as_spec()
    policy = build(*made_of)
    arms = tuple(arm.as_arm() for arm in definition.arms)
    pmf, rng = np.full(12, 1 / 12), np.random.default_rng(7)
    rounds = []
    for n in range(TRAINED_ON):
        chosen, context = int(rng.integers(12)), CONTEXTS[n % len(CONTEXTS)]
        reward = float(rng.random() < 0.2 + 0.3 * (chosen == int(context["number_0"] > 0)))
        rounds.append(Round(context, arms, chosen, pmf, 1 / 12, reward))
    for start in range(0, len(rounds), 500):
        policy.learn(rounds[start : start + 500])
    return seal_policy(policy, made_of, None, 0), policy.rows_seen
