"""A noisy stream of outcomes through the real door earns what the clean one earns."""

import random
from datetime import UTC, datetime

from sqlalchemy import delete, select, update

from benchmarks.synthetic_log import START, Shape, write_log
from experiments.jobs import WorkerContext
from experiments.model.ids import public_id
from experiments.model.tables.core import Decision, Experiment, Outcome
from experiments.model.tables.workers import LoggedRound
from experiments.model.times import SECOND, now
from experiments.store.core.engine import reading, transaction

SHAPE = Shape(150, repeats=2)


def report(row: dict, source: str, shift: int) -> dict:
    at = datetime.fromtimestamp(row["occurred_at"] / SECOND, UTC)
    return {
        "event_id": row["event_id"].partition("-")[2] + str(row["decision_id"] % 10**9),
        "source": source,
        "decision_id": public_id(row["decision_id"] % 10**9 + shift),
        "kind": row["kind"],
        "value": row["value"],
        "occurred_at": at.isoformat(),
    }


def test_duplicates_and_disorder_earn_what_the_clean_stream_earns(service: object) -> None:
    engine, client = service.engine, service.client
    for key, number in (("clean", 1), ("noisy", 2)):
        write_log(engine, SHAPE, key=key, number=number)
    with transaction(engine) as session:
        connection = session.connection()
        outcomes = [
            dict(row._mapping) for row in connection.execute(select(Outcome.__table__)) if row.decision_id < 2e9
        ]
        connection.execute(delete(Outcome))
        connection.execute(update(Experiment).values(clock_now=START, version=2))
        connection.execute(update(Decision).values(arm="arm-1"))
    rng = random.Random(5)
    clean = [report(row, "clean", 10**9) for row in outcomes]
    noisy = [report(row, "noisy", 2 * 10**9) for row in outcomes]
    noisy += rng.choices(noisy, k=len(noisy))
    rng.shuffle(noisy)
    classes = [one["class"] for stream in (clean, noisy) for one in post(client, stream)]
    assert classes.count("accepted") == 2 * len(outcomes)
    assert classes.count("duplicate") == len(outcomes)
    earned = join(service)
    assert len(earned[1]) == 150
    assert any(metrics.get("revenue") for metrics in earned[1].values())
    assert earned[1] == earned[2]


def post(client: object, stream: list[dict]) -> list[dict]:
    return [answer for at in range(0, len(stream), 50) for answer in take(client, stream[at : at + 50])]


def take(client: object, reports: list[dict]) -> list[dict]:
    answer = client.post("/v1/outcomes", json=reports)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def join(service: object) -> dict[int, dict[int, dict[str, float]]]:
    """Metrics by experiment and place in the log."""
    with transaction(service.engine) as session:
        session.connection().execute(update(Experiment).values(clock_now=START + 10_000 * SECOND))
    worker = WorkerContext(service.settings)
    worker.joiner.run(worker.leaseholder.hold(), now())
    worker.close()
    earned: dict[int, dict[int, dict[str, float]]] = {1: {}, 2: {}}
    with reading(service.engine) as session:
        for row in session.connection().execute(select(LoggedRound.__table__)):
            earned[row.experiment_id][row.decision_id % 10**9] = row.metrics
    return earned
