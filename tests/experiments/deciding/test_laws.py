"""Laws 1 to 3 of deciding, over many decisions: exact binomial bounds, fixed salts."""

from collections import Counter, defaultdict

import msgspec
import numpy as np
import pytest
from scipy import stats
from sqlalchemy import text

from bandit.policies import build
from bandit.rounds import Round
from bandit.snapshots import fingerprint
from experiments.errors import UnavailableError
from experiments.model.access.principal import SYSTEM
from experiments.model.deciding.drawing import draw_number, draw_place
from experiments.model.deciding.record import decode_record
from experiments.model.designing.definition import Definition
from experiments.model.policy_snapshots import seal_policy
from experiments.model.tables.workers import Learner, Snapshot
from experiments.services.deciding.decider import Decider
from experiments.services.deciding.messages import Assignment
from experiments.services.verifying import verify
from experiments.store.core.engine import reading, transaction
from experiments.store.designing.experiments import find

VARIANTS = [
    {"key": "bandit", "share": 0.5, "policy": {"name": "squarecb", "floor": 0.02}},
    {"key": "split", "share": 0.3, "policy": {"name": "split", "params": {"weights": {"a": 3, "b": 1}}}},
    {"key": "holdout", "share": 0.2, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
]
SALT = "0123456789abcdef" * 2
ALPHA = 1e-9


def teach(engine, key: str, sha256: str | None = None) -> int:
    """Give the learning variant a snapshot that prefers `a` where x > 0 and `b` elsewhere; `sha256`: a false hash."""
    with transaction(engine) as session:
        experiment = find(session, key)
        definition = Definition.model_validate(experiment.definition)
        made_of = definition.variants[0].policy.as_spec(), definition.context.as_spec()
        policy, arms, rng = build(*made_of), tuple(arm.as_arm() for arm in definition.arms), np.random.default_rng(3)
        rounds = []
        for _ in range(400):
            x, chosen = float(rng.normal()), int(rng.integers(3))
            rounds.append(Round({"x": x}, arms, chosen, np.full(3, 1 / 3), 1 / 3, float(chosen == (0 if x > 0 else 1))))
        policy.learn(rounds)
        body = seal_policy(policy, made_of, None, 0)
        snapshot = Snapshot(
            experiment_id=experiment.id,
            variant="bandit",
            revision=1,
            sha256=sha256 or fingerprint(body),
            trained_through=0,
            rounds=policy.rows_seen,
            created_at=0,
            body=body,
        )
        session.add(snapshot)
        session.flush()
        session.merge(Learner(experiment_id=experiment.id, variant="bandit", revision=1, snapshot_id=snapshot.id))
        return snapshot.id


def stored(engine) -> list:
    with reading(engine) as session:
        query = text("SELECT unit_id, variant, arm, propensity, mode, snapshot_id, record FROM decisions ORDER BY id")
        return list(session.connection().execute(query))


@pytest.fixture
def log(launch, engine, service, client) -> list:
    """Three thousand decisions under a trained snapshot."""
    running = launch(salt=SALT, variants=VARIANTS, context={"numeric": ["x"]})
    teach(engine, "e")
    service.client.portal.call(client.app.state.winback.refresh)
    for start in range(0, 3000, 1000):
        bodies = [
            {"unit_id": f"u{n}", "context": {"x": ((n * 37) % 100 - 50) / 25}} for n in range(start, start + 1000)
        ]
        assert all(each["assigned"] for each in running.ask_many(bodies))
    return stored(engine)


def test_law_2_draws_and_pmfs_derive_again_and_frequencies_calibrate(log, engine) -> None:
    found = verify(engine, SYSTEM, "e")
    assert (found.checked, found.draws_different, found.pmfs_different) == (3000, 0, 0)
    assert found.largest_difference <= 1e-6
    assert Counter(row.mode for row in log)["learned"] > 1000
    _calibrates(log)
    _is_independent_of_variants(log)


def _calibrates(log) -> None:
    """In every band of probability an arm is drawn about as often as its probabilities say."""
    chances, drawn = defaultdict(list), Counter()
    for row in log:
        record = decode_record(row.record)
        for key, chance in zip(record.eligible, record.pmf, strict=True):
            if 0 < chance < 1:
                band = (row.variant, key, int(chance * 10))
                chances[band].append(chance)
                drawn[band] += row.arm == key
    for band, given in chances.items():
        low, high = stats.binom.interval(1 - ALPHA, len(given), np.mean(given))
        assert low <= drawn[band] <= high, band


def _is_independent_of_variants(log) -> None:
    """The number that draws is uniform within every variant."""
    numbers = defaultdict(list)
    for row in log:
        numbers[row.variant].append(draw_number(bytes.fromhex(SALT), row.unit_id, 0, 0))
    assert len(numbers) == 3
    for given in numbers.values():
        assert stats.kstest(given, "uniform").pvalue > 1e-6
    for variant, share in zip(("bandit", "split", "holdout"), (0.5, 0.3, 0.2), strict=True):
        low, high = stats.binom.interval(1 - ALPHA, len(log), share)
        assert low <= len(numbers[variant]) <= high


@pytest.mark.parametrize(
    ("column", "draws", "pmfs"), [("arm", 1, 0), ("propensity", 1, 0), ("unit_id", 1, 0), ("record", 0, 1)]
)
def test_law_2_verify_finds_what_was_altered(launch, engine, column, draws, pmfs) -> None:
    running = launch(salt=SALT, variants=[{"key": "v", "share": 1.0, "policy": {"name": "uniform"}}])
    made = running.ask("u", context={"x": 1})
    other = next(arm for arm in made["pmf"] if arm != made["arm"])
    with transaction(engine) as session:
        connection = session.connection()
        record = decode_record(connection.execute(text("SELECT record FROM decisions")).scalar_one())
        nudged = [
            p + (1e-3 if key == made["arm"] else -5e-4) for key, p in zip(record.eligible, record.pmf, strict=True)
        ]
        record.pmf = nudged
        values = {
            "arm": other,
            "propensity": 0.5,
            "unit_id": _unit_with_another_draw(made),
            "record": msgspec.json.encode(record).decode(),
        }
        connection.execute(text(f"UPDATE decisions SET {column} = :value"), {"value": values[column]})
        if column == "record":
            connection.execute(text("UPDATE decisions SET propensity = :p"), {"p": max(nudged)})
    found = verify(engine, SYSTEM, "e")
    assert (found.draws_different, found.pmfs_different) == (draws, pmfs)
    assert found.examples[0].decision_id == made["decision_id"]


def _unit_with_another_draw(made) -> str:
    pmf, salt, keys = list(made["pmf"].values()), bytes.fromhex(SALT), list(made["pmf"])
    others = (f"somebody else {n}" for n in range(100))
    return next(unit for unit in others if keys[draw_place(pmf, draw_number(salt, unit, 0, 0))] != made["arm"])


def test_law_1_no_arm_leaves_before_its_row_is_committed(launch, client) -> None:
    running = launch()
    decider: Decider = client.app.state.winback.hot.decider
    log = decider._passing._log
    append, seen = log.append, []

    async def refuse(rows, *_):
        seen.extend(rows)
        raise UnavailableError("gone")

    log.append = refuse
    try:
        answer = running.ask("u", 503)
        assert client.post(f"{running.path}/assignments", json={"unit_id": "u"}).headers["retry-after"] == "1"
        response = client.post(f"{running.path}/assignments/batch", json=[{"unit_id": "u"}])
    finally:
        log.append = append
    assert len(seen) == 3
    assert "arm" not in answer
    assert response.status_code == 503
    assert running.count() == 0


def test_law_3_excluded_arms_have_no_probability_to_be_drawn_with(log) -> None:
    for row in log:
        record = decode_record(row.record)
        assert row.arm in record.eligible
        assert row.propensity == record.pmf[record.eligible.index(row.arm)] > 0
        assert not set(record.excluded) & set(record.eligible)


def test_a_snapshot_that_cannot_be_restored_leaves_the_variant_untrained(launch, engine, client) -> None:
    running = launch(variants=[*VARIANTS[:1], VARIANTS[1] | {"share": 0.5}], salt=SALT)
    teach(engine, "e", sha256="altered")
    client.portal.call(client.app.state.winback.refresh)
    made = running.ask_many([{"unit_id": f"u{n}"} for n in range(20)])
    learned = [each for each in made if each["variant"] == "bandit"]
    assert learned
    assert {(each["mode"], each["snapshot_id"]) for each in learned} == {("untrained", None)}
    assert verify(engine, SYSTEM, "e").different == 0


def test_messages_have_the_names_of_the_contract() -> None:
    assert Assignment.__struct_fields__ == ("unit_id", "context", "idempotency_key", "at", "arm", "force")
