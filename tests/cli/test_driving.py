"""Driving a log, without a service: the experiment, the order of rows, the sampler, the sums."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from scipy import stats

from bandit.rounds import Arm
from cli.driving.experiment import ELIGIBLE, arm_keys, definition
from cli.driving.rows import EARLIEST, chunks, plays
from cli.driving.seeds import parse_seeds
from cli.driving.summary import Baselines, Drive, lift, mean, mean_lift
from cli.driving.table import conclusion, markdown
from cli.errors import CallError
from experiments.model.designing.definition import Definition
from offline_eval.logs import Log, open_log, parse_spec

ARMS = ("No mail", "Mail A", "Mail B")


def made_log(folder: Path, rows: int = 600, **changes: object) -> Log:
    """A log over three arms, drawn with probabilities 0.5, 0.3, 0.2 unless `within` is changed."""
    rng = np.random.default_rng(3)
    arm = rng.choice(3, rows, p=(0.5, 0.3, 0.2))
    hour = np.sort(rng.integers(0, 4, rows)) if changes.get("time") else np.zeros(rows, dtype=int)
    columns = {
        "mail": [ARMS[place] for place in arm],
        "age": rng.integers(20, 60, rows),
        "kind": rng.choice(["x", "y"], rows),
        "back": (rng.random(rows) < np.array([0.1, 0.3, 0.2])[arm]).astype(int),
        "spent": np.round(rng.random(rows) * 10, 2),
        "hour": hour,
    }
    path = folder / "log.csv"
    pa_csv.write_csv(pa.table(columns), path)
    spec = {
        "log": {"name": "made", "arm": "mail", "control": "No mail", "propensity": {"within": []}, **changes},
        "context": {"numeric": ["age"], "categorical": ["kind"]},
        "outcomes": {"reengagement": "back", "revenue": "spent"},
        "objective": {"maximise": "reengagement"},
        "rules": {"default": "Mail A", "list": [{"when": {"==": [{"var": "kind"}, "x"]}, "arm": "Mail B"}]},
    }
    return open_log(path, parse_spec(spec))


def test_arm_keys_are_readable_valid_and_distinct() -> None:
    arms = [Arm("No E-Mail"), Arm("No  E-Mail"), Arm("nothing"), Arm("★"), Arm("1|2"), Arm("x" * 80)]
    keys = arm_keys(arms)
    assert keys["No E-Mail"] == "No-E-Mail"
    assert keys["nothing"] == "nothing-logged", "the reserved arm of zero cost is no logged arm"
    assert len(set(keys.values())) == len(arms)
    for key in keys.values():
        Definition.model_validate(
            {"key": "e", "arms": [{"key": key}], "variants": [{"key": "v", "share": 1, "policy": {"name": "uniform"}}]}
        )


@pytest.mark.parametrize("policy", ["squarecb", "uniform", "rules", "fixed:Mail A"])
def test_definition_fits_the_model(tmp_path: Path, policy: str) -> None:
    made = definition(made_log(tmp_path), policy, 1, "made-1")
    parsed = Definition.model_validate(made)
    assert parsed.clock == "caller"
    assert parsed.objective.maximise == "reengagement"
    assert {metric.name for metric in parsed.metrics} == {"reengagement", "revenue"}


def test_segments_of_the_spec_go_along(tmp_path: Path) -> None:
    """Also where the column is no feature: then it is in the context, and no policy sees it."""
    log = made_log(tmp_path)
    spec = replace(log.spec, segments=("kind", "age", "mail"))
    segmented = open_log(tmp_path / "log.csv", spec)
    parsed = Definition.model_validate(definition(segmented, "squarecb", 1, "made-1"))
    assert parsed.segments.by == ["kind", "age", "mail"]
    assert parsed.context == Definition.model_validate(definition(log, "squarecb", 1, "made-1")).context
    without = {play.row: play for play in plays(log, 4)}
    for play in plays(segmented, 4):
        plain = without[play.row]
        assert play.context == {**plain.context, "mail": play.context["mail"]}
        assert arm_keys(log.arms)[play.context["mail"]] == play.arm
        assert play.kept == plain.kept


def test_definition_refuses_an_unknown_arm(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="Mail A"):
        definition(made_log(tmp_path), "fixed:Mail C", 1, "made-1")


def test_salt_comes_from_the_seed(tmp_path: Path) -> None:
    log = made_log(tmp_path)
    first, again, other = (definition(log, "squarecb", seed, "k")["salt"] for seed in (1, 1, 2))
    assert first == again != other


def test_rows_are_shuffled_by_the_seed(tmp_path: Path) -> None:
    log = made_log(tmp_path)
    orders = [[play.row for play in plays(log, seed)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(log.n))


def test_rows_keep_their_time_order(tmp_path: Path) -> None:
    played = plays(made_log(tmp_path, time="hour"), 1)
    instants = [play.at for play in played]
    assert instants == sorted(instants) and instants[0] == EARLIEST
    assert [play.row for play in played] != sorted(play.row for play in played), "ties are shuffled"


def test_rejection_makes_the_kept_rows_uniform(tmp_path: Path) -> None:
    log = made_log(tmp_path, rows=6000)
    kept = [play.arm for play in plays(log, 5) if play.kept]
    counts = [kept.count(key) for key in arm_keys(log.arms).values()]
    assert stats.chisquare(counts).pvalue > 1e-6
    logged = [list(log.table().arm).count(place) for place in range(3)]
    assert stats.chisquare(logged).pvalue < 1e-6, "the log itself is far from uniform"


def test_eligible_arms_travel_in_the_context(tmp_path: Path) -> None:
    path = tmp_path / "eligible.csv"
    path.write_text("arm,can,y\na b,a b|c,1\nc,a b|c,0\nd,c|d,1\nc,c|d,0\n")
    spec = {
        "log": {"name": "e", "arm": "arm", "eligible": "can", "propensity": {"uniform": True}},
        "outcomes": {"reengagement": "y"},
        "objective": {"maximise": "reengagement"},
    }
    log = open_log(path, parse_spec(spec))
    made = definition(log, "uniform", 1, "e")
    assert {arm["eligible"]["in"][0] for arm in made["arms"]} == {"|a-b|", "|c|", "|d|"}
    assert {play.context[ELIGIBLE] for play in plays(log, 1)} == {"|a-b||c|", "|c||d|"}


def test_chunks_lose_nothing(tmp_path: Path) -> None:
    played = plays(made_log(tmp_path), 1)
    parts = chunks(played, 200)
    assert [play for part in parts for play in part] == played
    assert [len(part) for part in parts] == [200, 200, 200]


@pytest.mark.parametrize(("text", "seeds"), [("7", [7]), ("1..3", [1, 2, 3]), ("4..4", [4])])
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "3..1", "1..", "-1", "1...2"])
def test_seeds_that_make_no_sense(text: str) -> None:
    with pytest.raises(CallError):
        parse_seeds(text)


def test_mean_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).random(400)
    estimate = mean(values)
    assert (estimate.lower, estimate.upper) == pytest.approx(
        stats.norm.interval(0.95, values.mean(), stats.sem(values))
    )
    assert mean(values[:0]).value is None
    assert (mean(values[:1]).value, mean(values[:1]).lower) == (values[0], None)


def test_baselines_undo_the_logging_propensities(tmp_path: Path) -> None:
    log = made_log(tmp_path, rows=6000)
    table = log.table()
    by_arm = [table.reward[table.arm == place].mean() for place in range(3)]
    baselines = Baselines.of(log)
    assert baselines.best_fixed["arm"] == log.keys[int(np.argmax(by_arm))]
    assert baselines.best_fixed["value"] == pytest.approx(max(by_arm))
    assert baselines.uniform["value"] == pytest.approx(np.mean(by_arm), abs=1e-9)


def test_document_has_the_contracts_fields(tmp_path: Path) -> None:
    log = made_log(tmp_path)
    drive = Drive(3, "squarecb", 600, (1.0, 0.0, 1.0, 1.0), 2, 3, 600, 0)
    document = drive.document("made", Baselines.of(log))
    assert (document["decisions"], document["matched"], document["voided"]) == (600, 4, 596)
    assert document["objective"]["policy_second_half"]["value"] == 1.0
    assert set(document["objective"]) == {"policy", "policy_second_half", "uniform", "best_fixed"}
    assert document["verified"] == {"checked": 600, "different": 0}


def test_mean_lift_is_students_interval(tmp_path: Path) -> None:
    log = made_log(tmp_path)
    baselines = Baselines.of(log)
    documents = [
        Drive(s, "p", 600, [0.0, r], 1, 1, 600, 0).document("made", baselines) for s, r in ((1, 0.4), (2, 0.5))
    ]
    lifts = [lift(document) for document in documents]
    expected = stats.t.interval(0.95, 1, np.mean(lifts), stats.sem(lifts))
    estimate = mean_lift(documents)
    assert (estimate.lower, estimate.upper) == pytest.approx(expected)
    assert "over 2 seeds" in conclusion(documents)
    assert markdown(documents).count("\n") == 3
