"""Names are printed as they are: never read as markup or emoji, never cut, on any terminal and through any pipe."""

import ast
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rich.console import Console

import cli.console
from cli import experiment_readout, plan_tables, readout_tables, replay_tables
from cli.commands import segments
from cli.console import Paper, bar, complain, say
from cli.footnotes import Footnotes
from cli.tables import Sheet
from offline_eval.ab.logged.readout import readout
from offline_eval.logs import ArrowSource, log_of, parse_spec
from offline_eval.replay import replay

CLI = Path(cli.console.__file__).parent
NAMES = ("a:smile:b", "[red]x[/red]", "[/]", "n" * 120, "two words", "漢字の名前", "back\\slash[bold]")
SPEC: dict[str, Any] = {
    "log": {"name": "[blue]log[/blue] :cat:", "arm": "arm", "control": "a:smile:b", "propensity": {"uniform": True}},
    "outcomes": {"back:+1:": "back"},
    "objective": {"maximise": "back:+1:", "range": [0, 1]},
    "segments": {"by": ["part"]},
}


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(5)
    n = 2100
    frame = pd.DataFrame({"arm": rng.choice(NAMES, n), "part": rng.choice(NAMES, n), "back": rng.integers(0, 2, n)})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return log_of(ArrowSource(table.schema, table.to_batches), parse_spec(SPEC))


def printed(show: Callable[[Console], Any], width: int, terminal: bool) -> str:
    paper = Paper(file=io.StringIO(), width=width, force_terminal=terminal, no_color=True)
    show(paper)
    text: str = paper.file.getvalue()  # type: ignore[attr-defined]  # a StringIO was given
    return text.replace("\x1b[1m", "").replace("\x1b[3m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [20, 60, 200])
def test_readouts_and_replays_print_every_name_whole(log, width, terminal):
    found = replay(log, ["fixed", "uniform"], ["snips"])
    for text in (
        printed(lambda paper: replay_tables.show(found, paper), width, terminal),
        printed(lambda paper: readout_tables.show(readout(log), paper), width, terminal),
    ):
        for name in (*NAMES, "[blue]log[/blue] :cat:", "back:+1:"):
            assert name in text
        assert "…" not in text.replace(" … ", "")


def estimate(value: float = 0.5) -> dict[str, Any]:
    return {"value": value, "lower": 0.1, "upper": 0.9, "n": 10, "effective_n": 9.0, "method": "m", "alpha": 0.05}


@pytest.mark.parametrize("width", [20, 60, 200])
def test_an_experiments_readout_prints_every_name_whole(width):
    group = {"units": 4, "decisions": 5, "metrics": {"back:+1:": estimate()}, "versus": {}}
    contrast = {"absolute": estimate(), "relative": estimate(), "p_value": 0.1}
    named = dict.fromkeys(NAMES, group)
    versus = dict.fromkeys(NAMES, group | {"versus": {"[b]c[/b]": {"back:+1:": contrast}}})
    document = {"control": "[b]c[/b]", "method": "welch", "variants": versus}
    feet = Footnotes()
    text = printed(lambda paper: paper.print(experiment_readout.group_table("variants", named, feet)), width, True)
    text += printed(lambda paper: paper.print(experiment_readout.versus_table(document, feet)), width, True)
    assert all(text.count(name) >= 2 for name in NAMES) and "[b]c[/b]" in text


@pytest.mark.parametrize("width", [20, 60, 200])
def test_plans_and_segments_print_every_name_whole(width):
    line = {"regret": estimate(), "spend": estimate(), "probability_best": estimate()}
    plans = [line | {"policy": name, "days_to_separation": 3, "separated_share": 0.5} for name in NAMES]
    flow = [{"from": name, "to": "[i]", "units": 3} for name in NAMES]
    tables = segments._tables({"sizes": dict.fromkeys(NAMES, 5), "units": 40, "flow": flow})
    for table in (plan_tables.bandit_table(plans), *tables):
        text = printed(lambda paper, table=table: paper.print(table), width, True)
        assert all(name in text for name in NAMES)


def test_a_table_that_does_not_fit_becomes_records():
    sheet = Sheet("people", ("name", "n"))
    sheet.add_row("x" * 120, "7")
    assert printed(lambda paper: paper.print(sheet), 60, True).splitlines() == [
        "people",
        "name " + "x" * 120,
        "  n     7",
        "",
    ]
    assert f"{'x' * 120}  7" in printed(lambda paper: paper.print(sheet), 200, True)


def test_a_pipe_has_no_width_unless_it_is_told(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert Paper(file=io.StringIO()).width == cli.console.UNBOUNDED
    monkeypatch.setenv("COLUMNS", "60")
    assert Paper(file=io.StringIO()).width == 60


def test_names_cannot_steer_a_terminal(capsys):
    say("a\x1b[31mb\x07\tc\nd")
    complain("\x1b]0;title\x07")
    shown = capsys.readouterr()
    assert shown.out == "a\\x1b[31mb\\x07\tc\nd\n" and shown.err == "winback: \\x1b]0;title\\x07\n"
    sheet = Sheet("t", ("name",))
    sheet.add_row("a\x1b[2J\nb")
    assert "a\\x1b[2J\\nb" in printed(lambda paper: paper.print(sheet), 60, False)


def test_progress_bars_read_no_markup(monkeypatch):
    error = io.StringIO()
    monkeypatch.setattr("sys.stderr", error)
    monkeypatch.setattr(error, "isatty", lambda: True, raising=False)
    with bar() as shown:
        assert shown is not None
        shown.add_task("training fixed:[/red] :smile:", total=3)
        shown.refresh()
    assert "training fixed:[/red] :smile:" in error.getvalue()


def test_only_one_module_makes_consoles_and_none_makes_rich_tables():
    for path in CLI.rglob("*.py"):
        calls = {node.func.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
                 and isinstance(node.func, ast.Name)}  # fmt: skip
        assert "Table" not in calls, path
        assert path.name == "console.py" or not calls & {"Console", "Progress"}, path
