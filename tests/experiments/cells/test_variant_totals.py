"""What is read from the totals of variants."""

from benchmarks.synthetic_log import write_log
from experiments.jobs import Desk
from experiments.model.principal import SYSTEM
from experiments.model.times import now
from experiments.store.lease import Lease
from experiments.views.arm_values import arm_values
from experiments.views.readout import readout
from tests.experiments.cells.base import SHAPE


def test_values_of_arms_are_the_readouts(desk: Desk, lease: Lease) -> None:
    write_log(desk.engine, SHAPE)
    desk.joiner.run(lease, now())
    whole = readout(desk.engine, SYSTEM, "synthetic")
    assert arm_values(desk.engine, SYSTEM, "synthetic")["metric"] == whole["objective"]
    for metric in ("reengagement", "net_value"):
        found = arm_values(desk.engine, SYSTEM, "synthetic", metric)
        assert found["arms"]
        for arm, adjusted in found["arms"].items():
            assert adjusted == whole["arms"][arm]["metrics"][metric]["adjusted"]
