"""Arms in capped money are contrasted over the revisions that have a cap, whenever that came and whenever it went."""

from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import insert, select, update

from benchmarks.synthetic_log import START, Shape, definition_of, write_log
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.core import Decision, Experiment, Revision
from experiments.model.tables.workers import LoggedRound
from experiments.model.times import SECOND, now
from experiments.services.joining import eras as joining_eras
from experiments.services.rebuilding import rebuilder as rebuilding
from experiments.store.core.engine import reading, transaction
from experiments.store.core.lease import Lease
from experiments.store.designing.experiments import find
from experiments.views.readout.arm_stacks import arm_stacks
from experiments.views.readout.arm_values import arm_values
from experiments.views.readout.arms import arm_contrasts, mean_of
from experiments.views.readout.arms_by_segment import arms_by_segment
from offline_eval.ab.adaptive import Stack

CAP = 6.0
SHAPE = Shape(900, voided=0.06, rejected=0.05, segments=3, extra={"objective": {"maximise": "net_value"}})
CAPPED = ("capped_revenue", "capped_net_value")
ARMS = [f"arm-{place}" for place in range(SHAPE.arms)]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Several eras within a few hundred rounds."""
    for name, value in (("LEAST", 40), ("MOST", 80), ("ERAS", 6), ("FEWEST", 3)):
        monkeypatch.setattr(joining_eras, name, value)


def joined(worker: WorkerContext, lease: Lease, caps: Sequence[float | None], jitter: int = 0) -> None:
    """A log in as many revisions of equal length; `jitter` seconds mix those that mature together."""
    write_log(worker.engine, SHAPE)
    made, length = definition_of(SHAPE, "synthetic").model_dump(mode="json"), SHAPE.decisions // len(caps)
    documents = [made | {"cap_revenue": cap} for cap in caps]
    opened = [{"experiment_id": 1, "number": at + 1, "opened_at": START, "definition": one}
              for at, one in enumerate(documents)]  # fmt: skip
    delays = np.random.default_rng(3).integers(0, jitter + 1, SHAPE.decisions).tolist()
    with transaction(worker.engine) as session:
        connection = session.connection()
        connection.execute(update(Revision).where(Revision.number == 1).values(definition=documents[0]))
        if opened[1:]:
            connection.execute(insert(Revision), opened[1:])
        connection.execute(update(Experiment).values(revision=len(caps), definition=documents[-1]))
        for place in range(SHAPE.decisions):
            changed = {"revision": place // length + 1, "matures_at": START + (place + 70 + delays[place]) * SECOND}
            connection.execute(update(Decision).where(Decision.id == 10**9 + place).values(**changed))
        connection.execute(update(Experiment).values(clock_now=START + 2 * SHAPE.decisions * SECOND))
    worker.joiner.batch = 130
    assert worker.joiner.run(lease, now()) == SHAPE.decisions


def log(worker: WorkerContext, revisions: Sequence[int]) -> list[tuple[str, str, dict[str, float]]]:
    """(arm, segment, metrics) of what is contrasted in these revisions."""
    columns = (LoggedRound.arm, LoggedRound.segment, LoggedRound.metrics)
    query = select(*columns).join(Decision, Decision.id == LoggedRound.decision_id)
    with reading(worker.engine) as session:
        found = session.connection().execute(query.where(LoggedRound.learnable, Decision.revision.in_(revisions)))
        return [(arm, segment, metrics) for arm, segment, metrics in found]


def stack(worker: WorkerContext, metric: str) -> Stack:
    with reading(worker.engine) as session:
        return arm_stacks(session.connection(), find(session, "synthetic")).of(metric)


def documents(worker: WorkerContext) -> dict:
    with reading(worker.engine) as session:
        return arm_contrasts(session.connection(), find(session, "synthetic"), ["revenue", *CAPPED])


@pytest.mark.parametrize(
    ("caps", "jitter", "counted"),
    [((None, CAP), 0, [2]), ((None, CAP), 120, [2]), ((CAP, None), 60, [1]), ((None, CAP, None), 60, [2]),
     ((CAP, 2 * CAP), 60, [1, 2])],
)  # fmt: skip
def test_capped_means_of_arms_are_those_of_capped_rounds(
    worker: WorkerContext, lease: Lease, caps: Sequence[float | None], jitter: int, counted: list[int]
) -> None:
    joined(worker, lease, caps, jitter)
    kept, every = log(worker, counted), log(worker, range(1, len(caps) + 1))
    for metric, rows in ((CAPPED[0], kept), (CAPPED[1], kept), ("revenue", every)):
        found = stack(worker, metric)
        assert found.n == len(rows)
        for arm in ARMS:
            values = [metrics.get(metric, 0.0) for drawn, _, metrics in rows if drawn == arm]
            assert mean_of(found, arm, "naive", None).absolute.value == pytest.approx(np.mean(values), rel=1e-9)
    assert rebuilding.compare(worker.engine, SYSTEM, "synthetic", lambda *_: None).agrees


def test_documents_say_which_revisions_are_left_out(worker: WorkerContext, lease: Lease) -> None:
    joined(worker, lease, (None, CAP), 60)
    shown = documents(worker)["arm-2"]
    versus = shown["capped_revenue"]["versus"]["arm-0"]
    assert "revision 1 has no cap and is left out" in shown["capped_revenue"]["note"]
    assert "revision 1 has no cap and is left out" in versus["note"]
    assert versus["estimand"].endswith("100.0% of those delivered and matured in revisions with a cap")
    assert versus["absolute"]["n"] == len(log(worker, [2]))
    assert "left out" not in shown["revenue"].get("note", "")
    assert (
        arm_values(worker.engine, SYSTEM, "synthetic", "capped_revenue")["note"]
        == "revision 1 has no cap and is left out"
    )
    assert (
        arms_by_segment(worker.engine, SYSTEM, "synthetic", "capped_revenue")["note"]
        == "revision 1 has no cap and is left out"
    )
    assert arm_values(worker.engine, SYSTEM, "synthetic", "revenue")["note"] == ""


def test_a_segment_counts_its_capped_rounds(worker: WorkerContext, lease: Lease) -> None:
    joined(worker, lease, (None, CAP), 60)
    found = arms_by_segment(worker.engine, SYSTEM, "synthetic", "capped_revenue")
    for segment, arms in found["segments"].items():
        drawn = [arm for arm, name, _ in log(worker, [2]) if name == segment]
        assert {arm: told["adjusted"]["effective_n"] for arm, told in arms.items()} == {
            arm: drawn.count(arm) for arm in ARMS
        }


def test_before_a_capped_decision_has_matured_there_is_no_number_and_a_reason(
    worker: WorkerContext, lease: Lease
) -> None:
    joined(worker, lease, (None,))
    capped = definition_of(SHAPE, "synthetic").model_dump(mode="json") | {"cap_revenue": CAP}
    with transaction(worker.engine) as session:
        opened = {"experiment_id": 1, "number": 2, "opened_at": START, "definition": capped}
        session.connection().execute(insert(Revision), [opened])
        session.connection().execute(update(Experiment).values(revision=2, definition=capped))
    shown = documents(worker)["arm-2"]["capped_revenue"]
    assert shown["adjusted"]["value"] is None
    assert shown["adjusted"]["lower"] is None
    assert shown["versus"]["arm-0"]["absolute"]["value"] is None
    assert "no decision of a revision with a cap has matured" in shown["note"]
    found = arms_by_segment(worker.engine, SYSTEM, "synthetic", "capped_revenue")
    assert all(told["adjusted"]["value"] is None for arms in found["segments"].values() for told in arms.values())
