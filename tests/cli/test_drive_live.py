"""`winback drive` against services that it starts itself."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from cli.client import Client
from cli.driving.temporary import Running, temporary_service

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / ".." / "shared" / "data"

SPEC = """
[log]
name = "made up"
arm = "mail"
control = "No mail"
[log.propensity]
within = []
[context]
numeric = ["age"]
categorical = ["kind"]
[outcomes]
reengagement = "back"
revenue = "spent"
[objective]
maximise = "reengagement"
[[arms]]
value = "No mail"
[[arms]]
value = "Mail A"
contact_cost = 0.01
[[arms]]
value = "Mail B"
reward_cost = 1
cost_on = "reengagement"
"""


def write_log(folder: Path, rows: int = 1500) -> tuple[Path, Path]:
    """A log in which kind x comes back for mail A, kind y for mail B."""
    rng = np.random.default_rng(11)
    kind, arm = rng.integers(0, 2, rows), rng.choice(3, rows, p=(0.4, 0.3, 0.3))
    chance = np.where(arm == 0, 0.1, np.where(arm == kind + 1, 0.8, 0.1))
    columns = {
        "mail": [("No mail", "Mail A", "Mail B")[place] for place in arm],
        "age": rng.integers(20, 60, rows),
        "kind": [("x", "y")[place] for place in kind],
        "back": (rng.random(rows) < chance).astype(int),
        "spent": np.round(rng.random(rows) * 10, 2),
    }
    log, spec = folder / "log.csv", folder / "spec.toml"
    pa_csv.write_csv(pa.table(columns), log)
    spec.write_text(SPEC)
    return log, spec


def drive(log: Path, spec: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", "drive", str(log), "--spec", str(spec), "--json", *options]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=1000)


def test_learns_verifies_and_repeats_itself(tmp_path: Path) -> None:
    log, spec = write_log(tmp_path)
    first, again = (drive(log, spec, "--policy", "squarecb", "--seed", "4") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout, "the same seed gives the same JSON"
    document = json.loads(first.stdout)
    objective = document["objective"]
    assert document["decisions"] == 1500 == document["matched"] + document["voided"]
    assert document["snapshots"] == 8, "one for each 200 rows"
    assert document["verified"] == {"checked": 1500, "different": 0}
    assert objective["policy_second_half"]["value"] > objective["best_fixed"]["value"] + 0.1
    assert objective["best_fixed"]["value"] > objective["uniform"]["value"]


def test_several_seeds_have_a_mean_with_an_interval(tmp_path: Path) -> None:
    shown = drive(*write_log(tmp_path, 400), "--policy", "uniform", "--seed", "1..2")
    assert shown.returncode == 0, shown.stderr
    document = json.loads(shown.stdout)
    assert [each["seed"] for each in document["seeds"]] == [1, 2]
    assert document["lift_over_uniform"]["lower"] < document["lift_over_uniform"]["upper"]
    first, second = (each["matched"] for each in document["seeds"])
    assert first != second, "every seed draws anew"


def test_plays_against_a_service_that_is_there(tmp_path: Path) -> None:
    log, spec = write_log(tmp_path, 1100)
    spec.write_text(f"{SPEC}\n[segments]\nby = ['kind']\n")
    with temporary_service() as running:
        _hold_out(running)
        shown = drive(log, spec, "--policy", "rules", "--url", running.url, "--key", running.key)
        assert shown.returncode == 2 and "[rules]" in shown.stderr
        shown = drive(log, spec, "--policy", "fixed:Mail A", "--url", running.url, "--key", running.key)
        segments = _segments(running) if shown.returncode == 0 else {}
    assert shown.returncode == 0, shown.stderr
    document = json.loads(shown.stdout)
    assert document["verified"] == {"checked": 1100, "different": 0}
    assert document["matched"] > 200 and document["snapshots"] == 0
    assert set(segments) == {"x", "y"}


def _hold_out(running: Running) -> None:
    """People are held out of campaigns; a replay concerns nobody."""
    headers = {"Authorization": f"Bearer {running.key}"}
    answer = httpx.put(f"{running.url}/v1/settings/global-holdout", json={"share": 0.2}, headers=headers)
    assert answer.status_code == 200


def _segments(running: Running) -> dict[str, Any]:
    with Client(running.url, running.key) as client:
        (experiment,) = client.get("/v1/experiments", status="running")["items"]
        return dict(client.get(f"/v1/experiments/{experiment['key']}/results")["segments"])


LIFTS = {("hillstrom", "hillstrom.csv.gz"): 0.15, ("starbucks", "starbucks_offers.csv.gz"): 0.45}


@pytest.mark.proof
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("names", "least"), LIFTS.items(), ids=["hillstrom", "starbucks"])
def test_beats_uniform_assignment_on_real_logs(names: tuple[str, str], least: float) -> None:
    spec, file = names
    if not (DATA / file).exists():
        pytest.skip(f"{file} is not beside the checkout (../shared/data)")
    shown = drive(DATA / file, ROOT / f"docs/examples/{spec}.toml", "--policy", "squarecb", "--seed", "1")
    assert shown.returncode == 0, shown.stderr
    document: dict[str, Any] = json.loads(shown.stdout)
    objective = document["objective"]
    assert objective["policy_second_half"]["value"] > (1 + least) * objective["uniform"]["value"]
    assert document["verified"]["different"] == 0
