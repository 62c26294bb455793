"""Threads and a cluster of processes give the identical answer, also when a worker is killed."""

import os
import signal
from operator import add

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_eval.engine import Cluster, Threads, map_merge
from offline_eval.logs import open_log, parse_spec, sources
from offline_eval.replay import Options, replay

PARTS = 16


@pytest.fixture(scope="module")
def partitioned(make, tmp_path_factory):
    """A data set in folders by channel, PARTS row groups in each."""
    folder = tmp_path_factory.mktemp("log")
    frame = pd.concat([make.frame(4000, seed) for seed in range(4)], ignore_index=True)
    frame["customer"] = np.arange(len(frame)).astype(str)
    for channel, rows in frame.groupby("channel"):
        place = folder / f"channel={channel}"
        place.mkdir()
        table = pa.Table.from_pandas(rows.drop(columns="channel"), preserve_index=False)
        pq.write_table(table, place / "rows.parquet", row_group_size=-(-len(rows) // PARTS))
    return folder


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(sources, "PART_ROWS", 1)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed", reason="the optional dependencies `cluster` are not installed")
    options = {"n_workers": 3, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as running, distributed.Client(running) as client:
        yield running, client


@pytest.mark.usefixtures("small_parts")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_cluster_that_loses_a_worker_gives_the_identical_answer(partitioned, make, cluster):
    running, client = cluster
    log = open_log(partitioned, parse_spec(make.SPEC))
    assert len(log.parts()) == 2 * PARTS
    names, estimators = (
        ["uniform", "fixed:five", "rules", "plug_in", "squarecb"],
        ["ips", "snips", "dr", "cressie_read"],
    )
    expected = replay(log, names, estimators, options=Options(engine=Threads(1)))
    killed = []

    def kill_one(what: str, done: int, total: int) -> None:
        if what == "judging" and done == 2 and not killed:
            victim = next(iter(running.workers.values())).pid
            os.kill(victim, signal.SIGKILL)
            killed.append((victim, total - done))

    found = replay(log, names, estimators, kill_one, Options(engine=Cluster(client)))
    assert killed
    assert killed[0][1] > 0
    assert found == expected


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.integers(1, 5))
def test_parts_are_merged_in_their_order(values, workers):
    """Floating-point sums depend on the order; this one does not depend on who finished first."""
    expected = values[0]
    for value in values[1:]:
        expected += value
    assert map_merge(Threads(workers), float, values, add) == expected


def test_a_task_that_fails_fails_the_whole():
    with pytest.raises(ZeroDivisionError):
        map_merge(Threads(2), lambda part: 1 / part, [1, 2, 0, 3], add)


def test_no_more_parts_in_hand_than_threads():
    running = []

    def task(part: int) -> int:
        running.append(part)
        return part

    pending = iter(Threads(2).map(task, range(100)))
    next(pending)
    assert len(running) <= 4
    list(pending)
    assert sorted(running) == list(range(100))
