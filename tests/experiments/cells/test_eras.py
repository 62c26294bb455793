"""Eras are a pure function of the joiner's sequence: any batches, the same timeline; never more than promised."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.services.joining import eras as joining_eras
from experiments.services.joining.eras import Assigned, Drawn, Timeline, assign
from experiments.store.rollups.cells import Era
from tests.examples import few

NAMES = [("bandit", "a", 0), ("bandit", "b", 0), ("uniform", "a", 1)]
EMPTY = Timeline((), {})


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The same rules within reach of a few hundred rounds."""
    for name, value in (("LEAST", 4), ("MOST", 16), ("ERAS", 8), ("FEWEST", 4), ("CELLS", 20)):
        monkeypatch.setattr(joining_eras, name, value)


def sequence(seed: int, count: int) -> Drawn:
    rng = np.random.default_rng(seed)
    seq = np.cumsum(rng.integers(1, 4, count))
    snapshot = np.maximum(np.arange(count) // 11 - rng.integers(0, 2, count), 0)
    cell = rng.integers(0, len(NAMES), count)
    return Drawn(seq, np.where(cell == 2, 0, snapshot), cell, NAMES)


def part(drawn: Drawn, start: int, end: int) -> Drawn:
    return Drawn(drawn.seq[start:end], drawn.snapshot[start:end], drawn.cell[start:end], drawn.names)


def one_by_one(drawn: Drawn) -> Timeline:
    """The rules, a round at a time."""
    timeline = EMPTY
    for at in range(len(drawn.seq)):
        timeline = assign(timeline, part(drawn, at, at + 1)).after
    return timeline


@few(40)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 400), cuts=st.lists(st.integers(0, 400), max_size=5))
def test_batches_of_any_size_give_the_same_timeline(seed, count, cuts):
    drawn = sequence(seed, count)
    edges = sorted({0, count, *(cut for cut in cuts if cut < count)})
    timeline, placed = EMPTY, {}
    for start, end in pairwise(edges):
        found = assign(timeline, part(drawn, start, end))
        placed = {seq: found.merged.get(era, era) for seq, era in placed.items()}
        placed |= dict(zip(drawn.seq[start:end].tolist(), found.eras.tolist(), strict=True))
        timeline = found.after
    assert timeline == assign(EMPTY, drawn).after == one_by_one(drawn)
    starts = np.array([era.start for era in timeline.eras])
    by_start = starts[np.searchsorted(starts, drawn.seq, side="right") - 1]
    assert placed == dict(zip(drawn.seq.tolist(), by_start.tolist(), strict=True))


@given(seed=st.integers(0, 100))
@few(10)
def test_eras_stay_few_and_hold_every_round(seed):
    drawn = sequence(seed, 2000)
    found: Assigned = assign(EMPTY, drawn)
    eras = found.after.eras
    assert len(eras) <= joining_eras.ERAS
    assert sum(era.rounds for era in eras) == 2000
    assert min(era.rounds for era in eras[:-1]) >= joining_eras.LEAST
    counted = dict(zip(*np.unique(found.eras, return_counts=True), strict=True))
    assert {era.start: era.rounds for era in eras} == counted


def test_an_era_ends_with_its_snapshot_or_when_it_is_full():
    snapshots = np.array([1] * 6 + [2] * 2 + [3] * 20)
    drawn = Drawn(np.arange(1, 29), snapshots, np.zeros(28, dtype=np.int64), NAMES)
    eras = assign(EMPTY, drawn).after.eras
    assert [(era.start, era.rounds) for era in eras] == [(1, 6), (7, 4), (11, 16), (27, 2)]
    assert eras[1] == Era(7, 4, 1, {"bandit": 2})
