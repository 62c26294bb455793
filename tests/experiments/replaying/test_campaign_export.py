"""A whole campaign exported: the files prove the variants' lift as the service does, and still judge other policies."""

import json
import random

import pytest
from typer.testing import CliRunner

from cli.app import build
from experiments.jobs import WorkerContext
from experiments.jobs.joining import join
from experiments.jobs.learning import learn
from experiments.model.access.principal import SYSTEM
from experiments.settings import settings as read_once
from experiments.views.exports import EXPORTS, write_campaign
from experiments.views.exports.live_log import Chosen, live_log
from experiments.views.readout import asked, readout
from offline_eval.ab.logged.readout import readout as read_log
from offline_eval.logs import open_log, read_spec
from offline_eval.replay import replay

RULES = {"default": "nothing", "rules": [{"when": {">=": [{"var": "days_inactive"}, 100]}, "arm": "ten"}]}
DEFINITION = {
    "key": "whole",
    "clock": "caller",
    "attribution_window": "PT1M",
    "decision_window": "PT1M",
    "grace": "PT0S",
    "objective": {"maximise": "net_value", "margin": 0.5},
    "context": {"numeric": ["days_inactive"], "categorical": ["country"]},
    "segments": {"by": ["country"]},
    "arms": [
        {"key": "five", "reward_amount": 5, "reward_cost": 5, "cost_on": "redeemed", "contact_cost": 0.25},
        {"key": "ten", "reward_amount": 10, "reward_cost": 10, "cost_on": "conversion"},
    ],
    "variants": [
        {"key": "bandit", "share": 0.5, "policy": {"name": "epsilon_greedy"}},
        {"key": "marketer", "share": 0.3, "policy": {"name": "rules", "params": RULES}},
        {"key": "holdout", "share": 0.2, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
    ],
    "control": "holdout",
}
EXPERIMENT = "/v1/experiments/whole"


CAP = 25.0
CHEAP = [
    {"key": "five", "reward_amount": 5, "reward_cost": 0.5, "cost_on": "redeemed", "contact_cost": 0.25},
    {"key": "ten", "reward_amount": 10, "reward_cost": 0.5, "cost_on": "conversion"},
]
ALWAYS_TEN = {"name": "rules", "params": {"default": "ten", "rules": []}}
CAPPED = DEFINITION | {
    "cap_revenue": CAP,
    "salt": "5a" * 16,
    "arms": CHEAP,
    "variants": [
        {"key": "bandit", "share": 0.3, "policy": {"name": "epsilon_greedy"}},
        {"key": "marketer", "share": 0.4, "policy": ALWAYS_TEN},
        {"key": "holdout", "share": 0.3, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
    ],
}


@pytest.fixture
def exported(service, settings, tmp_path):
    return _exported(service, settings, tmp_path, DEFINITION)


def _exported(service, settings, tmp_path, definition, liked=0.5):
    _campaign(service.client, definition, liked)
    worker = WorkerContext(settings)
    join(worker)
    learn(worker)
    worker.close()
    folder = tmp_path / "out"
    EXPORTS["parquet"](live_log(service.engine, SYSTEM, "whole"), folder, lambda _: None)
    write_campaign(live_log(service.engine, SYSTEM, "whole", Chosen(everybody=True)), folder, lambda _: None)
    return folder


def _campaign(client, definition, liked):
    """600 units, one in ten decisions voided, ten forced, conversions that depend on the arm."""
    assert client.post("/v1/experiments", json=definition).status_code == 201
    client.post(f"{EXPERIMENT}/start")
    rng = random.Random(11)
    asked_for = [
        {
            "unit_id": f"u{place}",
            "at": "2026-01-01T00:00:00Z",
            "context": {"days_inactive": rng.randrange(200), "country": rng.choice(["DE", "FR"])},
        }
        for place in range(600)
    ]
    decisions = client.post(f"{EXPERIMENT}/assignments/batch", json={"assignments": asked_for}).json()["results"]
    for place in range(10):
        forced = {"unit_id": f"f{place}", "at": "2026-01-01T00:00:00Z", "arm": "ten", "force": True}
        assert client.post(f"{EXPERIMENT}/assignments", json=forced).json()["mode"] == "forced"
    kinds = [(d, kind) for d in decisions for kind in ("conversion", "reward_redeemed", "revenue")]
    outcomes = [
        {
            "event_id": f"{d['decision_id']}-{kind}",
            "decision_id": d["decision_id"],
            "kind": kind,
            "occurred_at": d["decided_at"],
            **({"value": 30.0} if kind == "revenue" else {}),
        }
        for d, kind in kinds
        if rng.random() < (liked if d["arm"] == "ten" else 0.2)
    ]
    for start in range(0, len(outcomes), 500):
        assert client.post("/v1/outcomes", json={"outcomes": outcomes[start : start + 500]}).status_code == 200
    voided = [d["decision_id"] for d in decisions if rng.random() < 0.1]
    body = {"decisions": voided, "reason": "undeliverable"}
    assert client.post("/v1/decisions/void", json=body).status_code == 200
    client.post(f"{EXPERIMENT}/clock", json={"at": "2026-01-01T01:00:00Z"})


def test_the_campaigns_files_give_the_services_lift(exported, service):
    service.client.post(f"{EXPERIMENT}/stop")
    live = readout(service.engine, SYSTEM, "whole", asked({"method": "fixed"}))
    log = open_log(exported / "campaign", read_spec(exported / "lift.toml"))
    found = read_log(log)
    assert found["control"] == live["control"] == "holdout"
    assert set(found["arms"]) == set(live["variants"]) == {"bandit", "marketer", "holdout"}
    for key, variant in live["variants"].items():
        assert found["arms"][key]["n"] == variant["decisions"]
        for metric in ("conversion", "revenue", "reward_cost", "contact_cost", "net_value"):
            value = found["arms"][key]["metrics"][metric]["value"]
            assert value == pytest.approx(variant["metrics"][metric]["value"], abs=1e-9), (key, metric)
        if key != "holdout":
            for metric in ("conversion", "net_value"):
                lift = found["arms"][key]["lift"][metric]["absolute"]["value"]
                assert lift == pytest.approx(variant["versus"]["holdout"][metric]["absolute"]["value"], abs=1e-9)
    assert found["objective"] == "objective"
    assert set(found["segments"]["segment"]["lift"]) == {"DE", "FR"}


def test_the_files_of_a_capped_campaign_give_the_services_verdict(service, settings, tmp_path):
    folder = _exported(service, settings, tmp_path, CAPPED, liked=0.9)
    service.client.post(f"{EXPERIMENT}/stop")
    live = readout(service.engine, SYSTEM, "whole", asked({"method": "fixed"}))
    spec = read_spec(folder / "lift.toml")
    assert spec.objective.maximise == live["estimand"]["metric"] == "capped_net_value"
    assert spec.objective.range == (-0.75, 0.5 * CAP)
    found = read_log(open_log(folder / "campaign", spec))
    assert found["verdict"]["word"] == live["verdict"]["word"] == "ship"
    for key, variant in live["variants"].items():
        value = found["arms"][key]["metrics"]["capped_net_value"]["value"]
        assert value == pytest.approx(variant["metrics"]["capped_net_value"]["value"], abs=1e-9)
    replayed = read_spec(folder / "spec.toml")
    assert replayed.objective == spec.objective
    judged = replay(open_log(folder / "log", replayed), ["fixed"], ["snips"])["policies"]
    assert not any("no known limit" in json.dumps(policy) for policy in judged.values())


def test_a_campaign_that_was_capped_later_is_exported_over_the_revisions_with_a_cap(service, settings, tmp_path):
    client = service.client
    _campaign(client, CAPPED | {"cap_revenue": None}, 0.9)
    tag = {"If-Match": client.get(EXPERIMENT).headers["etag"]}
    changed = client.patch(EXPERIMENT, json={"cap_revenue": CAP}, headers=tag)
    assert changed.status_code == 200, changed.text
    asked_for = [{"unit_id": f"late{place}", "at": "2026-01-01T02:00:00Z"} for place in range(200)]
    assert client.post(f"{EXPERIMENT}/assignments/batch", json={"assignments": asked_for}).status_code == 200
    client.post(f"{EXPERIMENT}/clock", json={"at": "2026-01-01T04:00:00Z"})
    worker = WorkerContext(settings)
    join(worker)
    worker.close()
    whole = live_log(service.engine, SYSTEM, "whole", Chosen(everybody=True))
    assert (whole.rows, whole.left_out) == (200, 600)
    assert whole.spec["objective"]["maximise"] == "capped_net_value" and "range" in whole.spec["objective"]
    rows = [row for batch in whole.batches() for row in batch.to_pylist()]
    assert len(rows) == 200 and {row["revision"] for row in rows} == {2}
    assert live_log(service.engine, SYSTEM, "whole").left_out > 0


def test_the_shell_exports_what_its_own_commands_read(exported, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("WINBACK_DATABASE_URL", settings.database_url)
    read_once.cache_clear()  # else the shell reads the database of an earlier test
    folder = tmp_path / "shell"

    def run(*words: object) -> str:
        done = CliRunner().invoke(build(), [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.stdout

    told = run("export", "whole", folder)
    assert f"winback readout {folder / 'campaign'} --spec {folder / 'lift.toml'}" in told
    assert "600 matured decisions of all variants" in told and "without voided and forced ones" in told
    assert (folder / "lift.toml").read_text() == (exported / "lift.toml").read_text()
    lift = json.loads(run("readout", folder / "campaign", "--spec", folder / "lift.toml", "--json"))
    assert lift["control"] == "holdout" and set(lift["arms"]) == {"bandit", "marketer", "holdout"}
    words = ("--policy", "rules", "--estimator", "snips", "--json")
    judged = json.loads(run("replay", folder / "log", "--spec", folder / "spec.toml", *words))
    assert set(judged["policies"]) == {"logging", "rules"}
    arms = json.loads(run("readout", folder / "log", "--spec", folder / "spec.toml", "--json"))
    assert arms["control"] == "nothing"


def test_the_replays_spec_holds_control_costs_and_rules(exported):
    spec = read_spec(exported / "spec.toml")
    arms = {arm.key: arm for arm in spec.arms}
    assert spec.control == "nothing"
    assert (arms["five"].reward_cost, arms["five"].cost_on, arms["five"].contact_cost) == (5, "reward_redeemed", 0.25)
    assert (arms["ten"].reward_cost, arms["ten"].cost_on) == (10, "conversion")
    log = open_log(exported / "log", spec)
    found = replay(log, ["rules", "fixed"], ["snips"])
    assert set(found["policies"]) == {"logging", "rules", "fixed:nothing", "fixed:five", "fixed:ten"}
    rows = log.table()
    assert rows.reward == pytest.approx(
        0.5 * rows.metrics["revenue"] - rows.metrics["reward_cost"] - rows.metrics["contact_cost"]
    )


def test_the_campaigns_log_is_on_intention_to_treat(exported, service):
    whole = live_log(service.engine, SYSTEM, "whole", Chosen(everybody=True))
    rows = [row for batch in whole.batches() for row in batch.to_pylist()]
    assert len(rows) == whole.rows == 600
    assert any(row["voided"] for row in rows) and not any(row["unit_id"].startswith("f") for row in rows)
    learnable = live_log(service.engine, SYSTEM, "whole", Chosen(variants=["bandit", "marketer", "holdout"]))
    assert learnable.rows == sum(not row["voided"] for row in rows)
