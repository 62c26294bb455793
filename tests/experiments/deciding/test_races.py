"""What the log makes of batches that were computed side by side: places of a unit are taken without a gap (law 4)."""

import pytest
from sqlalchemy import Engine, text

from experiments.model.deciding.decisions import DecisionRow
from experiments.store.core.engine import reading
from experiments.store.deciding.decision_log import DecisionLog, after_a_loss


@pytest.fixture
def log(launch, client) -> DecisionLog:
    """The service's log, where an experiment runs."""
    launch(decision_window="PT0S")
    log: DecisionLog = client.app.state.winback.hot.log
    return log


def row(number: int, unit: str, epoch: int, key: str) -> DecisionRow:
    """A decision of experiment 1 as another replica computed it."""
    return DecisionRow(number, 1, unit, epoch, 0, 1, "bandit", "a", 1.0, "forced", None, 1, 1, 1, key, "{}")


def places(engine: Engine) -> list[tuple[str, int, str]]:
    with reading(engine) as session:
        query = text("SELECT unit_id, epoch, idempotency_key FROM decisions ORDER BY unit_id, epoch")
        return [tuple(each) for each in session.connection().execute(query)]


def test_who_loses_a_place_or_a_key_leaves_no_gap_behind(log, engine, client) -> None:
    first = [row(1, "u", 0, "k0"), row(2, "u", 1, "k1"), row(3, "w", 0, "w0")]
    assert client.portal.call(log.append, first, {}) == {1, 2, 3}
    # Computed before the others were stored: both places are taken, the key of the third is, the fourth is free.
    late = [row(11, "u", 0, "a"), row(12, "u", 1, "b"), row(13, "u", 2, "k0"), row(14, "u", 3, "c")]
    assert client.portal.call(log.append, [*late, row(15, "v", 0, "v0")], {}) == {15}
    # Computed after: what comes before the one whose key is taken is stored.
    later = [row(21, "u", 2, "a"), row(22, "w", 1, "w1"), row(23, "u", 3, "k1"), row(24, "u", 4, "c")]
    assert client.portal.call(log.append, later, {1: 5}) == {21, 22}
    stored = [("u", 0, "k0"), ("u", 1, "k1"), ("u", 2, "a"), ("v", 0, "v0"), ("w", 0, "w0"), ("w", 1, "w1")]
    assert places(engine) == stored


def test_only_rows_after_a_lost_one_of_their_unit_are_undone() -> None:
    rows = [row(1, "u", 0, "a"), row(2, "w", 0, "b"), row(3, "u", 1, "c"), row(4, "w", 1, "d"), row(5, "u", 2, "e")]
    assert after_a_loss(rows, {1, 2, 3, 4, 5}) == []
    assert after_a_loss(rows, {1, 2, 4, 5}) == [5]
    assert after_a_loss(rows, {2, 4, 5}) == [5]
    assert after_a_loss(rows, {1, 2, 3, 5}) == []
