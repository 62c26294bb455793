"""Which events a feature comes from, as the registry and the page say."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.history import DAY, FEATURES
from bandit.history.features import DECISIONS
from tests.examples import few
from tests.experiments.features.test_features import HISTORIES, UNSHRUNK, columns_at


@pytest.fixture(autouse=True)
def folder(tmp_path):
    columns_at.folder = tmp_path


@few(15, phases=UNSHRUNK)
@given(HISTORIES, st.sampled_from(sorted({"activity", "payments", "participation", DECISIONS})))
def test_a_feature_comes_from_its_sources_alone(events, source):
    """Without the events of a source, only the features that name it are others; a count that is missing is none."""
    gone = ("contacts", "voids", "responses") if source == DECISIONS else (source,)
    rest = {kind: table.slice(0, 0) if kind in gone else table for kind, table in events.items()}
    at = 201 * DAY
    (units, before), (left, after) = columns_at(events, at, at), columns_at(rest, at, at)
    for name, feature in FEATURES.items():
        if source in feature.sources:
            continue
        with_source = dict(zip(units, np.nan_to_num(before[name]).tolist(), strict=True))
        without = dict(zip(left, np.nan_to_num(after[name]).tolist(), strict=True))
        assert {unit: value for unit, value in with_source.items() if value} == {
            unit: value for unit, value in without.items() if value
        }, name


def test_the_page_says_of_every_feature_what_the_registry_says():
    page = (Path(__file__).parents[3] / "docs/features.md").read_text()
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in page.splitlines() if "|" in line]
    told = {name: (meaning, sources) for name, meaning, sources in rows if name.startswith("`") and "<" not in name}
    assert told == {f"`{name}`": (each.meaning, ", ".join(each.sources)) for name, each in FEATURES.items()}
