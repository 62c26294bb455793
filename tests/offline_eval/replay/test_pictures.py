"""Pictures of weights and calibration, and what replays of guessed propensities say of hidden reasons."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from cli.app import build
from offline_eval.judging.picturing import EDGES, counts
from offline_eval.pictures import draw
from offline_eval.replay import Options, replay


def test_every_row_is_in_one_bin_of_every_policy(make, frame, known_log):
    found = replay(known_log, ["fixed:ten", "uniform", "rules"], ["ips"], options=Options(pictures=True))["pictures"]
    for name, table in found["weights"]["policies"].items():
        assert table["zero"] + sum(table["counts"]) == len(frame), name
    assert found["weights"]["policies"]["uniform"]["zero"] == 0
    assert found["weights"]["policies"]["fixed:ten"]["zero"] == (frame["offer"] != "ten").sum()
    assert list(found["calibration"]) == frame["offer"].value_counts().index.tolist()
    for each in found["calibration"].values():
        assert each["lower"] < 1 < each["upper"] and abs(each["ratio"] - 1) < 0.2
    wrong = replay(make.log(frame.assign(p=frame["p"] / 2)), ["uniform"], ["ips"], options=Options(pictures=True))
    for each in wrong["pictures"]["calibration"].values():
        assert each["ratio"] > each["upper"]


def test_weights_beyond_the_edges_are_in_the_outer_bins():
    table = counts(np.array([0.0, 1e-9, 1.0, 1e9]))
    assert table[0] == table[1] == table[-1] == 1 and table.sum() == 4
    assert len(table) == len(EDGES)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_is_titled_labelled_and_shows_names_as_they_are(make, frame, tmp_path, monkeypatch, suffix):
    kept: list[Figure] = []
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *_, _save=Figure.savefig, **o: (kept.append(self), _save(self, *_, **o))
    )
    spec = make.spec(name="sales in $ and $")
    result = replay(make.log(frame, spec), ["fixed", "uniform", "rules"], ["ips"], options=Options(pictures=True))
    path = tmp_path / f"picture{suffix}"
    draw(result, path)
    assert path.stat().st_size > 10_000
    (figure,) = kept
    assert figure.get_suptitle() == r"sales in \$ and \$: what the log can tell, 4,000 rows"
    labels = [axis.get_xlabel() for part in figure.subfigs for axis in part.axes if axis.get_xlabel()]
    assert len(labels) == 2
    named = [axis.get_ylabel() for axis in figure.subfigs[0].axes]
    assert set(named) == {"fixed:none", "fixed:five", "fixed:ten", "uniform", "rules"}
    ticks = [label.get_text() for label in figure.subfigs[1].axes[0].get_yticklabels()]
    assert set(ticks) == set(make.ARMS)


def test_the_shell_draws_and_refuses_other_endings(make, frame, tmp_path):
    frame.to_csv(tmp_path / "log.csv", index=False)
    (tmp_path / "spec.toml").write_text(
        '[log]\nname="n"\narm="offer"\npropensity={column="p"}\n[outcomes]\nv="visit"\n[objective]\nmaximise="v"\n'
    )
    words = ["replay", str(tmp_path / "log.csv"), "--spec", str(tmp_path / "spec.toml"), "--policy", "fixed"]
    words += ["--estimator", "snips", "--plot"]
    done = CliRunner().invoke(build(), [*words, str(tmp_path / "p.png")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    assert CliRunner().invoke(build(), [*words, str(tmp_path / "p.gif")]).exit_code == 2


def test_guessed_propensities_come_with_what_hidden_reasons_could_do(make, frame, known_log):
    spec = make.spec(propensity={"estimate": True})
    result = replay(make.log(frame, spec), ["fixed:ten", "uniform"], ["snips"])
    found = result["sensitivity"]
    assert set(found["policies"]) == {"fixed:ten", "uniform"} and found["n"] == len(frame)
    ten = found["policies"]["fixed:ten"]
    assert [step["gamma"] for step in ten["bounds"]] == [1.0, 1.1, 1.25, 1.5, 2.0, 2.5, 3.0]
    value = result["policies"]["fixed:ten"]["estimates"]["snips"]["value"]
    assert ten["bounds"][0]["least"] == pytest.approx(value) == ten["bounds"][0]["most"]
    assert ten["flips_at"] is None or ten["flips_at"] >= 1.0
    assert ten["sentence"].startswith("fixed:ten: ")
    assert "sensitivity" not in replay(known_log, ["fixed:ten"], ["snips"])
