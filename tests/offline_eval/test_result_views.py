"""Results as frames and as HTML: every number once, every name escaped, nothing loaded from anywhere."""

import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from offline_eval.ab.logged.readout import readout
from offline_eval.frames import segments_to_pandas, to_pandas
from offline_eval.logs import ArrowSource, log_of, parse_spec
from offline_eval.replay import replay
from offline_eval.results import ReadoutResult

ARMS = ("none", "<script>alert(1)</script>", 'a"b&c')
SPEC: dict[str, Any] = {
    "log": {"name": "<b>log</b>", "arm": "arm", "control": "none", "propensity": {"uniform": True}},
    "outcomes": {"back": "back", "spend": "spend"},
    "objective": {"maximise": "back", "range": [0, 1]},
    "segments": {"by": ["part"]},
}


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(2)
    n = 3000
    columns = {"arm": rng.choice(ARMS, n), "part": rng.choice(["<i>", "x"], n), "back": rng.integers(0, 2, n)}
    table = pa.table(columns | {"spend": rng.gamma(2.0, size=n)})
    return log_of(ArrowSource(table.schema, table.to_batches), parse_spec(SPEC))


@pytest.fixture(scope="module")
def replayed(log):
    return replay(log, ["fixed", "uniform"], ["ips", "snips"])


class Outline(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open += [] if tag in ("line", "circle") else [tag]
        assert not {name for name, _ in attrs} & {"src", "href", "onload", "onclick"}

    def handle_endtag(self, tag):
        if tag not in ("line", "circle"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_a_replays_frame_has_every_number_once(replayed):
    frame = replayed.to_pandas()
    assert len(frame) == len(replayed["policies"]) * 2
    line = frame[(frame["policy"] == "fixed:none") & (frame["estimator"] == "snips")].iloc[0]
    found = replayed["policies"]["fixed:none"]
    assert line["value"] == found["estimates"]["snips"]["value"]
    assert line["versus_lower"] == found["versus_logging"]["snips"]["lower"]
    assert line["verdict"] == found["verdict"]
    parts = replayed.segments_to_pandas()
    assert len(parts) == 2 * len(replayed["policies"])
    assert set(parts["segment"]) == {"<i>", "x"} and parts["n"].sum() == 3000 * len(replayed["policies"])


def test_a_readouts_frame_has_every_number_once(log):
    found = readout(log)
    frame = found.to_pandas()
    assert len(frame) == len(ARMS) * len(found["arms"]["none"]["metrics"])
    assert frame[frame["arm"] == "none"]["lift_value"].isna().all()
    line = frame[(frame["arm"] == ARMS[1]) & (frame["metric"] == "back")].iloc[0]
    lift = found["arms"][ARMS[1]]["lift"]["back"]
    assert (line["lift_value"], line["relative_upper"]) == (lift["absolute"]["value"], lift["relative"]["upper"])
    assert (line["p_value"], line["p_adjusted"]) == (lift["p_value"], lift["p_adjusted"])
    assert len(found.segments_to_pandas()) == 2 * 2


def experiment() -> dict[str, Any]:
    mean = {"value": 0.2, "lower": 0.1, "upper": None, "n": 50, "effective_n": 40.0, "method": "m", "alpha": 0.05}
    contrast = {"absolute": mean, "relative": mean, "p_value": 0.01, "p_adjusted": 0.02}
    treated = {"metrics": {"back": mean}, "versus": {"holdout": {"back": contrast}}}
    return {
        "experiment": "<spring>",
        "control": "holdout",
        "verdict": {"word": "ship", "reason": "it <works>"},
        "checks": [{"name": "sample_ratio", "status": "failed", "p_value": 0.0, "detail": "off & on"}],
        "variants": {"bandit": treated, "holdout": {"metrics": {"back": mean}, "versus": {}}},
        "arms": {},
    }


def test_an_experiments_readout_is_a_frame_too():
    frame = to_pandas(experiment())
    assert frame["variant"].tolist() == ["bandit", "holdout"]
    assert frame["p_adjusted"].tolist()[0] == 0.02 and np.isnan(frame["p_adjusted"].tolist()[1])


def test_what_is_no_result_is_refused():
    with pytest.raises(ValueError, match="neither a replay's result nor a readout"):
        to_pandas({})
    assert segments_to_pandas({"policies": {}}).empty


def test_a_notebook_shows_escaped_and_self_contained_tables(log, replayed):
    documents = (replayed, readout(log), ReadoutResult(experiment()))
    for document in documents:
        html = document._repr_html_()
        outline = Outline(html)
        assert not outline.open and "table" in outline.tags and "svg" in outline.tags
        assert not {"script", "i", "img", "link", "iframe"} & set(outline.tags)
        assert "http" not in html
    text = " ".join(Outline(replayed._repr_html_()).texts)
    for name in replayed["policies"]:
        assert name in text
    assert "<b>log</b>: back per decision, 3,000 rows" in text
    told = " ".join(Outline(ReadoutResult(experiment())._repr_html_()).texts)
    assert "ship: it <works>" in told and "sample_ratio failed: off & on" in told


def test_results_are_plain_json(replayed):
    assert json.loads(json.dumps(replayed)) == replayed
    assert isinstance(replayed.to_pandas(), pd.DataFrame)
