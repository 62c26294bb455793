"""What is read from the totals of variants."""

from benchmarks.synthetic_log import write_log
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.times import now
from experiments.store.core.lease import Lease
from experiments.views.readout import readout
from experiments.views.readout.arm_values import arm_values
from tests.experiments.cells.base import SHAPE


def test_values_of_arms_are_the_readouts(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    worker.joiner.run(lease, now())
    whole = readout(worker.engine, SYSTEM, "synthetic")
    assert arm_values(worker.engine, SYSTEM, "synthetic")["metric"] == whole["objective"]
    for metric in ("reengagement", "net_value"):
        found = arm_values(worker.engine, SYSTEM, "synthetic", metric)
        assert found["arms"]
        for arm, adjusted in found["arms"].items():
            assert adjusted == whole["arms"][arm]["metrics"][metric]["adjusted"]
