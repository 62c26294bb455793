"""Rebuilding from many files and many groups, with eligible sets of many sizes: the joiner's sums all the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from benchmarks.synthetic_log import Shape, write_log
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.deciding.record import decode_record, encode_record
from experiments.model.tables.core import Decision
from experiments.model.times import now
from experiments.services.joining.columns import drawing
from experiments.services.rebuilding import rebuilder as rebuilding
from experiments.store.core.engine import transaction
from experiments.store.core.lease import Lease
from experiments.store.joining import round_log
from offline_eval.ab.adaptive.packed import BLOCK, Draws, packed_sums
from offline_eval.ab.row_sums import row_sums

SHAPE = Shape(700, arms=5, repeats=3, forced=0.04, voided=0.06, rejected=0.05, segments=3)


def fewer_arms(worker: WorkerContext, rng: np.random.Generator) -> None:
    """Take some of the arms that were not drawn out of many decisions; the only one left is drawn for certain."""
    with transaction(worker.engine) as session:
        connection = session.connection()
        for number, arm, text in connection.execute(select(Decision.id, Decision.arm, Decision.record)).all():
            record = decode_record(text)
            kept = [key for key in record.eligible if key == arm or rng.random() < 0.6]
            p = np.array([record.pmf[record.eligible.index(key)] for key in kept])
            record.eligible, record.pmf = kept, (p / p.sum()).tolist()
            statement = update(Decision).where(Decision.id == number)
            connection.execute(statement.values(record=encode_record(record).decode()))


@pytest.mark.parametrize(("a_file", "at_once", "batches"), [(10**6, 4096, 32), (150, 64, 1), (300, 40, 3)])
def test_files_and_groups_of_any_length_give_the_joiners_sums(
    worker: WorkerContext, lease: Lease, monkeypatch: pytest.MonkeyPatch, a_file: int, at_once: int, batches: int
) -> None:
    for name, value in (("ROWS_A_FILE", a_file), ("ROWS_AT_ONCE", at_once), ("BATCHES_A_GROUP", batches)):
        monkeypatch.setattr(round_log, name, value)
    write_log(worker.engine, SHAPE)
    fewer_arms(worker, np.random.default_rng(5))
    worker.joiner.run(lease, now())
    found = rebuilding.compare(worker.engine, SYSTEM, "synthetic", lambda *_: None)
    assert found.rows > 600
    assert found.agrees, found.as_dict()


@given(seed=st.integers(0, 10_000), rows=st.integers(0, 60), groups=st.integers(1, 5))
def test_sums_of_rows_are_those_of_a_loop(seed: int, rows: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, group, weight = rng.normal(size=(rows, 3)), rng.integers(0, groups, rows), rng.random(rows)
    expected = np.zeros((groups, 3))
    np.add.at(expected, group, matrix * weight[:, None])
    np.testing.assert_allclose(row_sums(matrix, group, groups, weight), expected, atol=1e-12)


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 60))
def test_cells_of_sets_of_any_size_are_those_of_a_loop(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    sets = [rng.permutation(5)[:size] for size in (1, 3, 5)]
    eligible = rng.integers(0, 3, rows)
    pmfs = [rng.dirichlet(np.ones(len(sets[code]))) for code in eligible]
    arm = np.array([rng.choice(6) if rng.random() < 0.1 else rng.choice(sets[code]) for code in eligible])
    made = drawing(np.concatenate(pmfs), eligible, sets, arm)
    cell = np.where((made.p > 0) & (rng.random(rows) < 0.9), eligible, -1)
    y = rng.normal(size=rows) * (rng.random(rows) < 0.5)
    packed = packed_sums(Draws(cell, made.place, made.p, [y]), made.pmfs, 3)
    expected = np.zeros((3, 2 * BLOCK, made.pmfs.shape[1]))
    for row in np.flatnonzero(cell >= 0).tolist():
        p, into = pmfs[row], expected[cell[row]]
        into[:3, : len(p)] += [p, np.minimum(1 / p, 1e4) ** 64, 1 / p]
        drawn = int(np.flatnonzero(sets[cell[row]] == arm[row])[0])
        w, value = 1 / p[drawn], y[row]
        own = [float(value != 0), value, value**2, w * value, w * w * value, (w * value) ** 2]
        into[3:, drawn] += [1, w, w * w, *own]
    np.testing.assert_allclose(packed, expected, rtol=1e-9, atol=1e-9)
