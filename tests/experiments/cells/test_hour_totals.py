"""Hours over all segments, read for any span."""

import numpy as np

from benchmarks.synthetic_log import write_log
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.times import HOUR, now
from experiments.store.core.lease import Lease
from experiments.views.readout import Question, readout
from experiments.views.trends import trend
from tests.experiments.cells.base import SHAPE, both


def test_any_hours_can_be_read_alone(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    worker.joiner.run(lease, now())
    hours = sorted({key[0] for key in both(worker)[0]})
    rng = np.random.default_rng(5)
    for _ in range(10):
        start, end = sorted(rng.integers(hours[0] - 30, hours[-1] + 30, 2).tolist())
        expected, found = both(worker, start, end)
        assert expected.keys() == found.keys()


def test_segments_of_a_span_add_up_to_everyone(worker: WorkerContext, lease: Lease) -> None:
    """Everyone comes from one tier and a segment from the other: the parts make the whole."""
    write_log(worker.engine, SHAPE)
    worker.joiner.run(lease, now())
    hours = sorted({key[0] for key in both(worker)[0]})
    start, end = hours[0] * HOUR, (hours[len(hours) // 2] + 1) * HOUR
    whole = readout(worker.engine, SYSTEM, "synthetic", Question(start=start, end=end))
    names = readout(worker.engine, SYSTEM, "synthetic")["segments"]
    parts = [readout(worker.engine, SYSTEM, "synthetic", Question(segment=s, start=start, end=end)) for s in names]
    for key, variant in whole["variants"].items():
        assert variant["decisions"] == sum(part["variants"].get(key, {"decisions": 0})["decisions"] for part in parts)
    line = trend(worker.engine, SYSTEM, "synthetic", "hour", None, (start, end))
    lines = [trend(worker.engine, SYSTEM, "synthetic", "hour", s, (start, end)) for s in names]
    for key, columns in line["variants"].items():
        counted = sum(sum(each["variants"].get(key, {"decisions": []})["decisions"]) for each in lines)
        assert sum(columns["decisions"]) == counted
