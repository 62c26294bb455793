"""`winback readout` and `winback plan` as a shell sees them."""

import json
import tomllib

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cli.app import build
from offline_eval.estimate import Estimate
from offline_eval.planning import plan

SPEC = """
[log]
name = "made-up"
arm = "arm"
control = "none"
propensity = {uniform = true}
[outcomes]
reengagement = "back"
revenue = "spend"
[objective]
maximise = "reengagement"
margin = 0.5
[segments]
by = ["kind"]
[[arms]]
value = "none"
[[arms]]
value = "gift"
reward_cost = 2.0
cost_on = "reengagement"
"""

PLAN = """
[metric]
base = 0.1
[test]
relative_effect = 0.2
per_day = 500
[bandit]
per_day = 40
days = 3
replications = 2
policies = ["uniform"]
segments = [{name = "all", rates = {a = 0.2, b = 0.4}}]
[[arms]]
key = "a"
[[arms]]
key = "b"
"""


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(1)
    arm = rng.choice(["none", "gift"], 4000)
    back = (rng.random(4000) < 0.2 + 0.1 * (arm == "gift")).astype(int)
    frame = pd.DataFrame({"arm": arm, "back": back, "spend": back * 9.5, "kind": rng.choice(["a", "b"], 4000)})
    frame.to_csv(tmp_path / "log.csv", index=False)
    (tmp_path / "spec.toml").write_text(SPEC)
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path


def run(*words):
    return CliRunner().invoke(build(), [str(word) for word in words])


def test_readout_json_is_one_document(files):
    result = run("readout", files / "log.csv", "--spec", files / "spec.toml", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["verdict"]["word"] == "ship"
    assert document["arms"]["gift"]["lift"]["reengagement"]["p_value"] < 0.001


def test_readout_for_people_says_the_verdict_first(files):
    result = run("readout", files / "log.csv", "--spec", files / "spec.toml")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[1].startswith("ship")
    assert any(line.startswith("✓ sample_ratio") for line in lines)
    assert "cost per" in result.stdout


def test_readout_without_control_is_a_wrong_call(files):
    (files / "spec.toml").write_text(SPEC.replace('control = "none"\n', ""))
    assert run("readout", files / "log.csv", "--spec", files / "spec.toml").exit_code == 2


def test_a_file_without_its_spec_is_a_wrong_call(files):
    assert run("readout", files / "log.csv").exit_code == 2


def test_an_experiment_reads_as_the_service_answers(monkeypatch):
    mean = Estimate(0.2, 0.1, 0.3, 50, 40.0, "bucketed_mean").as_dict()
    group = {"units": 40, "decisions": 50, "metrics": {"reengagement": mean}, "versus": {}}
    arm = group | {"metrics": {"reengagement": {"naive": mean}}}
    early = {"bandit": {"rate": mean, "open": 10, "curve": [], "note": "an early view"}}
    document = {
        "experiment": "spring",
        "revision": 1,
        "status": "running",
        "verdict": {"word": "keep running", "reason": "too early"},
        "estimand": {
            "metric": "reengagement",
            "words": "reengagement per decision",
            "above_cap": {},
            "cap_origin": None,
            "note": "",
        },
        "checks": [],
        "notes": ["holds for one look"],
        "maturity": {"by_day": [{"day": "2026-01-02", "decisions": 10}], "early": {"note": "", "variants": early}},
        "money": {"currency": "EUR"},
        "segments": {},
        "event_types": {},
        "counts": {"decisions": 60, "matured": 50, "open": 10},
        "variants": {"bandit": group},
        "arms": {"gift": arm},
    }
    monkeypatch.setattr("cli.commands.readout._of_experiment", lambda key, asked: document | {"experiment": key})
    result = run("readout", "spring")
    assert result.exit_code == 0, result.output
    assert "spring, revision 1, running: 60 decisions, 50 matured, 10 open" in result.stdout
    assert "note: holds for one look" in result.stdout
    assert "early, bandit: 0.2 [0.1, 0.3], 10 open; an early view" in result.stdout
    assert "0.2 [0.1, 0.3]" in result.stdout
    assert json.loads(run("readout", "spring", "--json").stdout) == document


def test_plan_json_is_the_plan(files):
    result = run("plan", files / "plan.toml", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == json.loads(json.dumps(plan(tomllib.loads(PLAN))))


def test_plan_for_people(files):
    result = run("plan", files / "plan.toml")
    assert result.exit_code == 0, result.output
    assert "one look, at the end" in result.stdout


def test_plan_with_faults_is_a_wrong_call(files):
    (files / "plan.toml").write_text(PLAN.replace("base", "bass"))
    assert run("plan", files / "plan.toml").exit_code == 2
    (files / "plan.toml").write_text("no toml")
    assert run("plan", files / "plan.toml").exit_code == 2


def test_a_method_that_reads_every_round_takes_no_part():
    result = run("readout", "spring", "--method", "cuped", "--segment", "AT", "--early")
    assert result.exit_code == 2
    assert "--segment, --early: --method cuped reads every round" in result.output
