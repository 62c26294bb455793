"""A/A runs: what they count, over which units, and their life from the request to the result."""

import time

import numpy as np
import pytest

from benchmarks.synthetic_log import Shape, write_log
from experiments.errors import ConflictError, InvalidError
from experiments.jobs import WorkerContext
from experiments.jobs.aa_testing import aa_runs
from experiments.model.access.principal import SYSTEM
from experiments.model.times import now
from experiments.services import aa_testing
from experiments.services.aa_testing import AaRequest, cancel_aa, claim_aa, request_aa
from experiments.services.aa_units import Units, wolves
from experiments.store.core.lease import Lease
from experiments.views.aa_runs import aa_run

SHAPE = Shape(600, repeats=2, voided=0.03, forced=0.02)


def quiet(*_: object) -> None:
    """No progress."""


def test_sound_tests_cry_as_often_as_they_claim(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    worker.joiner.run(lease, now())
    told: list[tuple[str, int, int]] = []
    found = aa_testing.tested(worker.engine, "synthetic", AaRequest(60), lambda *step: told.append(step))
    assert found["units"] == found["of"] <= 300
    assert set(found["metrics"]) == {"reengagement", "revenue", "net_value"}
    for tests in (*found["metrics"].values(), found["checks"]):
        for one in tests.values():
            assert one["runs"] == 60
            assert one["sound"]
    assert "winsorised" in found["metrics"]["revenue"]
    assert told[-1] == ("re-randomising", 240, 240)


def test_a_test_that_cries_too_often_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Salted halves that follow the outcome are no random halves."""
    values = np.repeat([0.0, 1.0], 400)
    units = Units(np.arange(800, dtype=np.uint64), np.ones(800), {"conversion": values}, 800)

    def cheating(unit: np.ndarray, _salt: int) -> np.ndarray:
        return np.where(unit < 300, 0.1, np.where(unit < 500, unit % 2, 0.9))

    monkeypatch.setattr("offline_eval.ab.aa.salted_uniform", cheating)
    found = wolves(units, 50, 0.5, quiet)
    assert not found["metrics"]["conversion"]["welch"]["sound"]


def test_too_few_units_and_calls_that_make_no_sense(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(40))
    worker.joiner.run(lease, now())
    with pytest.raises(ConflictError, match="needs 100"):
        aa_testing.tested(worker.engine, "synthetic", AaRequest(5), quiet)
    with pytest.raises(InvalidError, match="salts"):
        request_aa(worker.engine, SYSTEM, "synthetic", AaRequest(0, 0.001))


def test_a_run_lives_from_request_to_result(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    worker.joiner.run(lease, now())
    number = request_aa(worker.engine, SYSTEM, "synthetic", AaRequest(10))
    cancelled = request_aa(worker.engine, SYSTEM, "synthetic", AaRequest(10))
    cancel_aa(worker.engine, SYSTEM, cancelled)
    with pytest.raises(ConflictError):
        cancel_aa(worker.engine, SYSTEM, cancelled)
    assert aa_runs(worker) == 1
    assert claim_aa(worker.engine) is None
    end = time.monotonic() + 60
    while aa_run(worker.engine, SYSTEM, number)["status"] == "running" and time.monotonic() < end:
        time.sleep(0.1)
    done = aa_run(worker.engine, SYSTEM, number)
    assert (done["status"], done["progress"]) == ("done", 1.0)
    assert done["result"]["metrics"]["revenue"]["welch"]["runs"] == 10
    assert aa_run(worker.engine, SYSTEM, cancelled)["result"] is None


def test_the_door(client: object) -> None:
    definition = {
        "key": "aa", "arms": [{"key": "mail"}],
        "variants": [{"key": "all", "share": 1, "policy": {"name": "uniform"}}],
    }  # fmt: skip
    assert client.post("/v1/experiments", json=definition).status_code == 201
    begun = client.post("/v1/experiments/aa/aa", json={"salts": 20})
    assert begun.status_code == 202
    address = begun.headers["location"]
    assert client.get(address).json()["request"] == {"salts": 20, "share": 0.5}
    assert client.get("/v1/experiments/aa/aa").json()["items"][0]["status"] == "queued"
    assert client.post(f"{address}/cancel").json()["status"] == "cancelled"
    assert client.post(f"{address}/cancel").status_code == 409
    assert client.post("/v1/experiments/aa/aa", json={"salts": 0}).status_code == 422
    assert client.get("/v1/aa/77").status_code == 404
