"""Several logs as one: the balanced mixture by hand, fallbacks that say so, and what must agree."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy
from typer.testing import CliRunner

from cli.app import build
from offline_eval.judging.claim import Claim
from offline_eval.logs import ArrowSource, log_of, parse_spec
from offline_eval.logs.several import MIXTURE, OWN, LogsDifferError, as_one
from offline_eval.replay import Options, replay
from offline_eval.replay_several import replay_several

ARMS = ("a", "b", "c")
RATES = np.array([0.2, 0.3, 0.5])
PMFS = {"timid": np.array([0.9, 0.09, 0.01]), "bold": np.array([0.1, 0.1, 0.8])}


def rows(name: str, n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    shares = PMFS[name]
    arm = rng.choice(3, n, p=shares)
    columns = {"arm": np.array(ARMS)[arm], "back": (rng.random(n) < RATES[arm]).astype(int), "p": shares[arm]}
    frame = pd.DataFrame(columns | {"group": rng.choice(["x", "y"], n), "pmf": [shares.tolist()] * n})
    for other, pmf in PMFS.items():
        frame[f"as_{other}"] = [pmf.tolist()] * n
    return frame


def log_from(frame: pd.DataFrame, name: str, propensity=None, **log):
    spec = {
        "log": {"name": name, "arm": "arm", "control": "a", "propensity": propensity or {"column": "p"}, **log},
        "context": {"categorical": ["group"]},
        "outcomes": {"back": "back"},
        "objective": {"maximise": "back", "range": [0, 1]},
        "segments": {"by": ["group"]},
        "arms": [{"value": arm} for arm in ARMS],
    }
    if not propensity:
        spec["shadow"] = {other: f"as_{other}" for other in PMFS if other != name}
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return log_of(ArrowSource(table.schema, lambda: table.to_batches(max_chunksize=700)), parse_spec(spec))


def two(n=1500, m=500, seed=0):
    return rows("timid", n, seed), rows("bold", m, seed + 1000)


def test_the_mixture_is_the_average_of_the_loggers_by_their_rows():
    timid, bold = two()
    together = as_one([log_from(timid, "timid", pmf="pmf"), log_from(bold, "bold", pmf="pmf")])
    assert (together.propensities, together.unknown) == (MIXTURE, ())
    table = together.log.table()
    mixed = 0.75 * PMFS["timid"] + 0.25 * PMFS["bold"]
    frame = pd.concat([timid, bold])
    place = frame["arm"].map(ARMS.index).to_numpy()
    assert table.propensity == pytest.approx(mixed[place])
    assert table.pmf == pytest.approx(np.tile(mixed, (2000, 1)))
    found = replay_several([log_from(timid, "timid"), log_from(bold, "bold")], ["fixed:c"], ["ips", "balanced_mixture"])
    value = np.mean((place == 2) / mixed[place] * frame["back"].to_numpy())
    estimates = found["policies"]["fixed:c"]["estimates"]
    assert estimates["ips"]["value"] == pytest.approx(value)
    assert estimates["balanced_mixture"]["value"] == pytest.approx(value)
    assert found["log"]["logs"] == [{"name": "timid", "n": 1500}, {"name": "bold", "n": 500}]
    assert found["log"]["propensities"] == MIXTURE
    assert set(found["segments"]["group"]) == {"x", "y"}


@pytest.mark.parametrize("design", [{"uniform": True}, {"within": []}, {"within": ["group"]}])
def test_designs_are_known_in_the_rows_of_others(design):
    rng = np.random.default_rng(4)
    timid, even = rows("timid", 900, 1), rows("bold", 900, 2)
    even["arm"] = rng.choice(ARMS, len(even))
    logs = [log_from(timid, "timid", {"within": ["group"]}), log_from(even, "even", design)]
    together = as_one(logs)
    assert together.propensities == MIXTURE
    table = together.log.table()
    own = np.concatenate([log.table().propensity for log in logs])
    assert (table.propensity >= own / 2 - 1e-12).all()
    assert table.pmf.sum(axis=1) == pytest.approx(1.0)


def test_what_is_not_known_is_said_and_every_row_keeps_its_own_logger():
    timid, bold = two()
    bare = [log_from(timid, "timid", {"column": "p"}), log_from(bold, "bold", {"column": "p"})]
    found = replay_several(bare, ["fixed:c", "uniform"], ["ips"])
    assert found["log"]["propensities"] == OWN
    assert "of 'bold' would have done in the rows of 'timid' is not known" in " ".join(found["log"]["unknown"])
    assert "[shadow]" in found["log"]["unknown"][0]
    frame = pd.concat([timid, bold])
    value = np.mean((frame["arm"] == "c") / frame["p"] * frame["back"])
    estimates = found["policies"]["fixed:c"]["estimates"]
    assert estimates["ips"]["value"] == pytest.approx(value)
    apart = [replay(log, ["fixed:c"], ["ips"], options=Options(claim=Claim(interval="normal"))) for log in bare]
    each = [result["policies"]["fixed:c"]["estimates"]["ips"] for result in apart]
    precision = np.array([1 / (e["upper"] - e["lower"]) ** 2 for e in each])
    combined = precision @ [e["value"] for e in each] / precision.sum()
    assert estimates["ips_by_log"]["method"] == "ips_by_log+inverse_variance"
    assert estimates["ips_by_log"]["value"] == pytest.approx(combined)
    with pytest.raises(Exception, match="balanced_mixture"):
        replay_several(bare, ["fixed:c"], ["balanced_mixture"])


def test_a_stratum_that_the_other_never_saw_is_unknown():
    timid, bold = two()
    bold.loc[:9, "group"] = "z"
    logs = [log_from(timid, "timid", {"within": ["group"]}), log_from(bold, "bold", {"within": ["group"]})]
    assert "the stratum z never occurs" in as_one(logs).unknown[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda log: log_from(rows("bold", 300, 3), "timid"), "two logs are named 'timid'"),
        (lambda log: log_from(rows("bold", 300, 3), "bold", control="b"), "control of 'timid' and 'bold' differ"),
        (
            lambda log: log_from(rows("bold", 300, 3).assign(u="u", t=range(300)), "bold", unit="u", time="t"),
            "a unit and",
        ),
        (lambda log: log_from(rows("bold", 300, 3), "bold", {"estimate": True}), "no known propensities"),
    ],
)
def test_logs_that_differ_are_refused_by_name(change, told):
    first = log_from(rows("timid", 300, 1), "timid")
    with pytest.raises(LogsDifferError, match=told):
        as_one([first, change(first)])


@pytest.mark.proof
def test_the_mixture_covers_and_is_tighter_than_each_rows_own_logger():
    lives, missed, narrower = 200, 0, 0
    for seed in range(lives):
        timid, bold = two(seed=seed)
        mixed = replay_several([log_from(timid, "timid"), log_from(bold, "bold")], ["fixed:c"], ["ips"])
        bare = [log_from(timid, "timid", {"column": "p"}), log_from(bold, "bold", {"column": "p"})]
        plain = replay_several(bare, ["fixed:c"], ["ips"])
        one, other = (found["policies"]["fixed:c"]["estimates"]["ips"] for found in (mixed, plain))
        missed += not one["lower"] <= RATES[2] <= one["upper"]
        narrower += one["upper"] - one["lower"] < other["upper"] - other["lower"]
    assert scipy.stats.binomtest(missed, lives, 0.05, "greater").pvalue > 1e-3
    assert narrower > 0.95 * lives


def test_the_shell_reads_several_logs(tmp_path):
    words: list[str] = []
    for frame, name in zip(two(), PMFS, strict=True):
        frame.to_parquet(tmp_path / f"{name}.parquet")
        other = next(key for key in PMFS if key != name)
        (tmp_path / f"{name}.toml").write_text(
            f"""[log]
name = "{name}"
arm = "arm"
[log.propensity]
column = "p"
[shadow]
{other} = "as_{other}"
[outcomes]
back = "back"
[objective]
maximise = "back"
range = [0, 1]
"""
        )
        words += ["--spec", str(tmp_path / f"{name}.toml")]
    logs = [str(tmp_path / f"{name}.parquet") for name in PMFS]
    done = CliRunner().invoke(build(), ["replay", *logs, *words, "--policy", "fixed", "--estimator", "snips", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["n"] == 2000 and document["log"]["propensities"] == MIXTURE
    refused = CliRunner().invoke(build(), ["replay", *logs, *words, "--policy", "parquet:x.parquet"])
    assert refused.exit_code == 2 and "for one log" in refused.output
    assert CliRunner().invoke(build(), ["replay", *logs, *logs, *words]).exit_code == 2
