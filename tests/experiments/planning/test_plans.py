"""Plans over HTTP: at once or simulated in the background, with numbers of one's own or an experiment's."""

import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.synthetic_log import Shape, write_log
from cli.app import build
from experiments.jobs import WorkerContext
from experiments.jobs.planning import plans
from experiments.model.times import now
from experiments.services import planning
from offline_eval.planning import plan

FIXED = {"metric": {"base": 0.1}, "test": {"relative_effect": 0.1, "arms": 2, "per_day": 1500, "audience": 100_000}}
BANDIT = {
    "arms": [{"key": "nothing"}, {"key": "mail", "contact_cost": 0.01}],
    "bandit": {
        "per_day": 100, "days": 6, "replications": 3, "policies": ["uniform", "epsilon_greedy"], "value": 2.0,
        "segments": [{"name": "all", "context": {"age": 40}, "rates": {"nothing": 0.1, "mail": 0.3}}],
    },
}  # fmt: skip


def test_a_fixed_plan_comes_at_once(service: Any) -> None:
    made = service.client.post("/v1/plans", json=FIXED)
    assert made.status_code == 201, made.text
    assert made.json()["result"] == plan(FIXED)
    assert service.client.get(made.headers["Location"]).json() == made.json()
    assert service.client.get("/v1/plans").json()["items"][0]["id"] == made.json()["id"]
    assert service.client.get("/v1/plans/999").status_code == 404


@pytest.mark.parametrize(
    ("document", "pointers"),
    [
        ({}, {""}),
        ({"metric": {"kind": "vibes"}, "test": {}}, {"/metric/kind", "/metric/base", "/test/effect"}),
        (FIXED | {"colour": 1}, {"/colour"}),
        ({"metric": {"base": 0.1}, "test": {"effect": 0.1, "arms": 0}}, {"/test/arms"}),
        (BANDIT | {"arms": []}, {"/arms"}),
        (BANDIT | {"bandit": BANDIT["bandit"] | {"policies": ["oracle"]}}, {"/bandit/policies"}),
        (BANDIT | {"bandit": BANDIT["bandit"] | {"per_day": 10**9}}, {"/bandit/replications"}),
        (FIXED | {"experiment": 5}, {"/experiment"}),
    ],
)
def test_every_fault_has_its_place(service: Any, document: Any, pointers: set[str]) -> None:
    refused = service.client.post("/v1/plans", json=document)
    assert refused.status_code == 422, refused.text
    assert {fault["pointer"] for fault in refused.json()["errors"]} == pointers


def test_a_simulation_waits_for_the_worker(service: Any) -> None:
    queued = service.client.post("/v1/plans", json=BANDIT)
    assert queued.status_code == 202 and queued.json()["status"] == "queued" and queued.json()["result"] is None
    if service.engine.name == "postgresql":  # the process itself is the same, and takes long to start
        claim = planning.claim_plan(service.engine)
        assert claim is not None and planning.claim_plan(service.engine) is None
        planning.finish_plan(service.engine, claim.id, plan(claim.document))
        assert service.client.get(queued.headers["Location"]).json()["status"] == "done"
        return
    worker = WorkerContext(service.settings)
    try:
        assert plans(worker) == 1
        for _ in range(600):
            shown = service.client.get(queued.headers["Location"]).json()
            if shown["status"] == "done":
                break
            time.sleep(0.1)
        assert shown["result"] == plan(BANDIT)
        assert plans(worker) == 0
    finally:
        worker.close()


def test_a_small_simulation_comes_at_once(service: Any) -> None:
    small = BANDIT | {"bandit": BANDIT["bandit"] | {"days": 2, "per_day": 20}}
    made = service.client.post("/v1/plans", json=small)
    assert made.status_code == 201 and made.json()["result"] == plan(small)


@pytest.fixture
def joined(service: Any) -> Any:
    write_log(service.engine, Shape(1500, arms=3, segments=3, extra={"segments": {"by": ["x0"]}}))
    worker = WorkerContext(service.settings)
    worker.joiner.run(worker.leaseholder.hold(), now())
    worker.close()
    return service


def test_an_experiments_own_audience(joined: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "AT_ONCE", 10**6)
    asked = {
        "experiment": "synthetic", "metric": {"name": "revenue"}, "test": {"relative_effect": 0.1},
        "bandit": {"per_day": 50, "days": 3, "replications": 2, "policies": ["uniform"]},
    }  # fmt: skip
    made = joined.client.post("/v1/plans", json=asked)
    assert made.status_code == 201, made.text
    document = made.json()["document"]
    assert document["metric"]["kind"] == "mean" and document["metric"]["deviation"] > 0
    assert {each["key"] for each in document["arms"]} == {"arm-0", "arm-1", "arm-2"}
    assert {each["name"] for each in document["bandit"]["segments"]} == {"s0", "s1", "s2"}
    assert sum(each["share"] for each in document["bandit"]["segments"]) == pytest.approx(1500)
    for segment in document["bandit"]["segments"]:
        assert set(segment["context"]) == {"x0", "x1", "x2"}
        assert all(0 < rate < 1 for rate in segment["rates"].values())
    assert document["bandit"]["value"] > 0
    own = {"experiment": "synthetic", "metric": {"name": "reengagement"}, "test": {"effect": 0.02}}
    assert joined.client.post("/v1/plans", json=own).json()["document"]["metric"]["kind"] == "proportion"
    assert joined.client.post("/v1/plans", json=own | {"experiment": "none"}).status_code == 404
    own["metric"] = {"name": "fame"}
    assert joined.client.post("/v1/plans", json=own).json()["errors"][0]["pointer"] == "/metric/name"


def test_money_is_planned_for_up_to_the_cap(service: Any) -> None:
    money = {"objective": {"maximise": "revenue"}, "cap_revenue": 2.0}
    write_log(service.engine, Shape(400, extra=money))
    worker = WorkerContext(service.settings)
    worker.joiner.run(worker.leaseholder.hold(), now())
    worker.close()
    asked = {"experiment": "synthetic", "metric": {}, "test": {"relative_effect": 0.2}}
    metric = service.client.post("/v1/plans", json=asked).json()["document"]["metric"]
    assert 0 < metric["base"] <= 2.0 and 0 < metric["deviation"] <= 1.0, "revenue of one unit lies in [0, 2]"


def test_an_experiment_without_rounds_says_so(service: Any) -> None:
    write_log(service.engine, Shape(1, arms=2))
    refused = service.client.post("/v1/plans", json={"experiment": "synthetic", "test": {"effect": 0.1}})
    assert refused.json()["errors"][0]["pointer"] == "/experiment"


def test_the_shell_takes_the_same_document(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"metric": {"base": 0.1}, "test": {"effect": 0.02}}', encoding="utf-8")
    found = CliRunner().invoke(build(), ["plan", str(path), "--json"])
    assert found.exit_code == 0 and '"fixed"' in found.output
    path.write_text("{", encoding="utf-8")
    assert CliRunner().invoke(build(), ["plan", str(path)]).exit_code != 0
