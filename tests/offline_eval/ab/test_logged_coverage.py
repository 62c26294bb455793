"""What readouts of logs claim, measured: the tables of `benchmarks/readout_logs.py`, no row of which may fail."""

import pytest

from benchmarks.readout_logs import amount_rows, event_rows, people_rows, strata_rows

TABLES = {
    "events": (event_rows, 1000, 8),
    "people": (people_rows, 1000, 2),
    "strata": (strata_rows, 1000, 8),
    "amounts": (amount_rows, 200, 2),
}


@pytest.mark.proof
@pytest.mark.parametrize("name", TABLES)
def test_no_claim_fails(name):
    rows, runs, _ = TABLES[name]
    assert [row for row in rows(runs) if "**no**" in row] == []


@pytest.mark.parametrize("name", TABLES)
def test_no_claim_fails_at_a_glance(name):
    rows, _, runs = TABLES[name]
    assert [row for row in rows(runs) if "**no**" in row] == []
