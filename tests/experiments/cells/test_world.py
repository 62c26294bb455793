"""Arms of a learning variant whose truth is known, through the real decider, joiner and learner."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from experiments.jobs import WorkerContext
from experiments.jobs.joining import join
from experiments.jobs.learning import learn
from experiments.model.rollups import DECISIONS
from experiments.services.joining import eras as joining_eras
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.rollups.cell_totals import read_cells
from experiments.views.readout.arms import arm_contrasts
from experiments.views.trust.checks import checks

RATES = {"nothing": (0.30, 0.40), "mail": (0.45, 0.35), "gift": (0.55, 0.75)}
"""Arm → rates in two kinds of units, which are equally many."""

START = datetime(2026, 1, 1, tzinfo=UTC)
STEPS, SIZE = 5, 240


def definition(policy: str) -> dict:
    return {
        "key": "world", "clock": "caller", "attribution_window": "PT1M", "decision_window": "PT1M", "grace": "PT0S",
        "salt": "5a" * 16, "objective": {"maximise": "conversion"}, "context": {"numeric": ["kind"]},
        "arms": [{"key": arm} for arm in RATES],
        "variants": [
            {"key": "bandit", "share": 0.8, "policy": {"name": policy, "floor": 0.15}},
            {"key": "uniform", "share": 0.2, "policy": {"name": "uniform"}},
        ],
    }  # fmt: skip


def play(client: object, worker: WorkerContext, policy: str) -> None:
    """Some hundred units a step; the policy learns after each."""
    assert client.post("/v1/experiments", json=definition(policy)).status_code == 201
    client.post("/v1/experiments/world/start")
    rng = np.random.default_rng(11)
    for step in range(STEPS):
        at, kinds = START + timedelta(hours=step), rng.integers(0, 2, SIZE).tolist()
        asked = [
            {"unit_id": f"u{step}-{n}", "at": at.isoformat(), "context": {"kind": kind}} for n, kind in enumerate(kinds)
        ]
        answer = client.post("/v1/experiments/world/assignments/batch", json={"assignments": asked})
        decided = answer.json()["results"]
        outcomes = [
            {"event_id": d["decision_id"], "decision_id": d["decision_id"], "kind": "conversion",
             "occurred_at": d["decided_at"]}
            for d, kind in zip(decided, kinds, strict=True) if rng.random() < RATES[d["arm"]][kind]
        ]  # fmt: skip
        assert client.post("/v1/outcomes", json={"outcomes": outcomes}).status_code == 200
        client.post("/v1/experiments/world/clock", json={"at": (at + timedelta(minutes=30)).isoformat()})
        assert join(worker) == SIZE
        learn(worker)
        client.portal.call(client.app.state.winback.refresh)


@pytest.fixture
def worker(settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerContext]:
    monkeypatch.setattr(joining_eras, "LEAST", 100)
    worker = WorkerContext(settings)
    yield worker
    worker.close()


@pytest.mark.parametrize("policy", ["squarecb", "linucb"])
def test_the_truth_is_in_the_interval(client: object, worker: WorkerContext, policy: str) -> None:
    play(client, worker, policy)
    with reading(worker.engine) as session:
        row = find(session, "world")
        connection = session.connection()
        fixed, running = (
            arm_contrasts(connection, row, ["conversion"], method)["gift"]["conversion"] for method in ("welch", "auto")
        )
        results = checks(connection, row, read_cells(connection, int(row.id)).total(DECISIONS))
    truth = sum(RATES["gift"]) / 2 - sum(RATES["nothing"]) / 2
    for document in (fixed, running):
        absolute = document["versus"]["nothing"]["absolute"]
        assert 0 < absolute["lower"] <= truth <= absolute["upper"]
        assert document["adjusted"]["lower"] <= sum(RATES["gift"]) / 2 <= document["adjusted"]["upper"]
    assert fixed["versus"]["nothing"]["absolute"]["method"] == "adaptively_weighted"
    assert running["versus"]["nothing"]["absolute"]["method"] == "arm_sequence"
    assert not [one for one in results if one.status in ("failed", "warning")]
