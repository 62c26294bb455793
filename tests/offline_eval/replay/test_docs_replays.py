"""The examples of docs/replays.md do what the page says."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli.app import build

PAGE = Path(__file__).resolve().parents[3] / "docs" / "replays.md"
SPEC = """
[log]
name = "{name}"
arm = "offer"
control = "none"
[log.propensity]
uniform = true
[context]
numeric = ["days_inactive"]
[outcomes]
back = "back"
[objective]
maximise = "back"
range = [0, 1]
[segments]
by = ["country"]
[rules]
default = "none"
list = [{{when = {{">=" = [{{var = "days_inactive"}}, 60]}}, arm = "voucher"}}]
"""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with the files that the page speaks of."""
    rng = np.random.default_rng(8)
    for name in ("log", "spring", "autumn"):
        n = 1200
        columns = {"offer": rng.choice(["none", "voucher"], n), "days_inactive": rng.integers(0, 120, n)}
        frame = pd.DataFrame(columns | {"back": rng.integers(0, 2, n), "country": rng.choice(["DE", "FR"], n)})
        frame.assign(proposed="voucher").to_parquet(tmp_path / f"{name}.parquet")
        (tmp_path / f"{'spec' if name == 'log' else name}.toml").write_text(SPEC.format(name=name))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_python_example_runs(here):
    (code,) = blocks("python")
    found: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), found)
    frame = found["result"].to_pandas()
    assert {"careful", "column:proposed", "fixed:voucher", "logging"} <= set(frame["policy"])
    assert {"<table"} <= {found["result"]._repr_html_()[i : i + 6] for i in range(400)}


def test_the_shells_examples_run(here):
    lines = [
        line
        for block in blocks("sh")
        for line in block.splitlines()
        if line.startswith("winback replay") and "DIR" not in line
    ]
    assert len(lines) == 2
    for line in lines:
        done = CliRunner().invoke(build(), shlex.split(line)[1:])
        assert done.exit_code == 0, done.output


def test_every_option_of_the_page_is_one_of_the_command(here):
    command = get_command(build()).commands["replay"]
    known = {name for option in command.params for name in option.opts}
    named = set(re.findall(r"--[a-z]+", PAGE.read_text(encoding="utf-8")))
    assert {option for option in named if not any(name.startswith(option) for name in known)} == set()


def test_the_proofs_that_the_page_names_are_there():
    tests = Path(__file__).resolve().parents[1]
    text = "".join(path.read_text() for path in tests.rglob("test_*.py"))
    for name in re.findall(r"`(test_[a-z_]+)`", PAGE.read_text(encoding="utf-8")):
        assert f"def {name}(" in text, name
