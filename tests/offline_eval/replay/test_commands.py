"""The shell's side: one document on stdout, exit status 2 where the call was wrong."""

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from typer.testing import CliRunner

import cli.app
from experiments.views.exports import EXPORTS


@pytest.fixture(scope="module")
def run():
    runner = CliRunner()
    app = cli.app.build()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


@pytest.fixture
def log(frame, tmp_path) -> Path:
    path = tmp_path / "known.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def spec(tmp_path) -> Path:
    path = tmp_path / "known.toml"
    path.write_text(
        """
[log]
name = "known"
arm = "offer"
control = "none"
[log.propensity]
column = "p"
[context]
numeric = ["x"]
categorical = ["channel"]
[outcomes]
reengagement = "visit"
[objective]
maximise = "reengagement"
range = [0, 1]
"""
    )
    return path


def test_one_json_document(run, log, spec, frame):
    done = run(
        "replay", log, "--spec", spec, "--policy", "fixed:five", "--policy", "uniform", "--estimator", "ips", "--json"
    )
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["n"] == len(frame)
    assert set(document["policies"]) == {"logging", "fixed:five", "uniform"}
    assert set(document["policies"]["uniform"]["estimates"]) == {"ips"}


def test_own_policies_of_a_column_and_a_file(run, log, spec, frame, tmp_path):
    frame.assign(mine="five").to_csv(log, index=False)
    file = tmp_path / "half.parquet"
    pd.DataFrame({"five": 0.5, "ten": 0.5}, index=range(len(frame))).to_parquet(file)
    words = ("--policy", "column:mine", "--policy", f"parquet:{file}", "--policy", "fixed:five", "--estimator", "ips")
    done = run("replay", log, "--spec", spec, *words, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["policies"]
    assert set(found) == {"logging", "column:mine", f"parquet:{file}", "fixed:five"}
    assert found["column:mine"]["estimates"] == found["fixed:five"]["estimates"]
    alone = run("replay", log, "--spec", spec, "--policy", f"parquet:{file}", "--estimator", "ips", "--json")
    assert set(json.loads(alone.stdout)["policies"]) == {"logging", f"parquet:{file}"}
    wrong = run("replay", log, "--spec", spec, "--policy", "column:visit")
    assert wrong.exit_code == 2 and "'0' is not an arm of the log" in wrong.output


def test_a_table_for_people(run, log, spec):
    done = run("replay", log, "--spec", spec, "--policy", "fixed", "--estimator", "snips")
    assert done.exit_code == 0
    assert "versus logging" in done.stdout
    assert "on units that did not choose it" in done.stdout.replace("\n", " ")


def test_markdown_names_the_command(run, log, spec):
    done = run("replay", log, "--spec", spec, "--policy", "fixed", "--estimator", "snips", "--markdown")
    assert "| fixed:five |" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--policy", "nix"),
        ("--estimator", "nix"),
        ("--model", "nix"),
        ("--like", "other.csv"),
        ("--dask", "nowhere"),
        ("--nix",),
    ],
)
def test_a_wrong_call(run, log, spec, words):
    assert run("replay", log, "--spec", spec, *words).exit_code == 2


def test_a_log_with_faults(run, log, spec):
    log.write_text(log.read_text().replace(",0.3,", ",1.3,", 1))
    done = run("replay", log, "--spec", spec)
    assert done.exit_code == 2
    assert "column 'p': the propensity 1.3 is outside (0, 1]" in done.output


def test_a_log_that_is_not_there(run, spec, tmp_path):
    assert run("replay", tmp_path / "nix.csv", "--spec", spec).exit_code == 2


def test_a_file_needs_its_spec(run, log):
    done = run("replay", log)
    assert done.exit_code == 2
    assert "--spec is needed" in done.output


def test_an_experiments_key_is_judged_on_its_exported_log(run, log, spec, monkeypatch):
    """The glue alone: what the export holds is proven where it is made."""

    @contextmanager
    def service_here():
        yield SimpleNamespace(engine=None)

    def export(_live, folder: Path, told) -> None:
        (folder / "log").mkdir()
        pd.read_csv(log).to_parquet(folder / "log" / "rows.parquet")
        shutil.copy(spec, folder / "spec.toml")
        told(4000)

    monkeypatch.setattr("cli.here.service_here", service_here)
    monkeypatch.setattr("experiments.views.exports.live_log.live_log", lambda *_: SimpleNamespace(rows=4000))
    monkeypatch.setitem(EXPORTS, "parquet", export)
    words = ("--policy", "fixed", "--estimator", "snips", "--json")
    live, file = run("replay", "spring", *words), run("replay", log, "--spec", spec, *words)
    assert live.exit_code == 0
    assert json.loads(live.stdout) == json.loads(file.stdout)


def test_simulate_writes_table_numbers_and_picture(run, tmp_path):
    words = ("--policy", "uniform", "--environment", "wine", "--seeds", "2", "--rounds", "60", "--workers", "1")
    done = run("simulate", *words, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0
    assert "wine" in json.loads(done.stdout)["environments"]
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".md", ".png"}


@pytest.mark.parametrize(
    "words", [("--policy", "nix"), ("--environment", "nix"), ("--policy", "fixed"), ("--seeds", "0")]
)
def test_a_wrong_simulation(run, words):
    assert run("simulate", *words).exit_code == 2


def test_a_bad_policy_is_told_beside_the_others_and_in_the_exit_status(run, log, spec, tmp_path):
    missing = f"parquet:{tmp_path / 'missing.parquet'}"
    words = ("replay", log, "--spec", spec, "--estimator", "ips", "--policy", "column:gold", "--policy", missing)
    done = run(*words, "--policy", "fixed:five", "--json")
    assert done.exit_code == 1 and "2 of 3 policies could not be judged" in done.stderr
    document = json.loads(done.stdout)
    assert set(document["policies"]) == {"logging", "fixed:five"}
    assert set(document["failed"]) == {"column:gold", missing}
    assert "not judged: column:gold" in " ".join(run(*words, "--policy", "fixed:five").stdout.split())
    assert run(*words, "--json").exit_code == 2
