"""What the readouts claim, measured: the tables of `benchmarks/readout_coverage.py`, no row of which may fail."""

import pytest

from benchmarks.readout_adaptive import adaptive_rows
from benchmarks.readout_fixed import early_rows, fixed_rows, guardrail_rows, money_rows, winsorised_rows
from benchmarks.readout_money import ever_wrong_rows, light_rows, one_look_rows
from benchmarks.readout_sequential import mismatch_rows, peeking_rows, power_rows, segment_rows, verdict_rows

TABLES = {
    "fixed": (fixed_rows, 3000),
    "winsorised": (winsorised_rows, 1000),
    "guardrail": (guardrail_rows, 3000),
    "money": (money_rows, 1000),
    "early": (early_rows, 1000),
    "adaptive": (adaptive_rows, 300),
    "peeking": (peeking_rows, 600),
    "verdict": (verdict_rows, 500),
    "segments": (segment_rows, 1000),
    "mismatch": (mismatch_rows, 2000),
    "money at every look": (ever_wrong_rows, 300),
    "money at one look": (one_look_rows, 150),
    "uncapped money": (light_rows, 300),
}


MONEY = ("money at every look", "money at one look", "uncapped money")
"""At a glance in test_bounded."""


@pytest.mark.proof
@pytest.mark.parametrize("name", TABLES)
def test_no_claim_fails(name):
    rows, runs = TABLES[name]
    assert [row for row in rows(runs) if "**no**" in row] == []


@pytest.mark.parametrize("name", [name for name in TABLES if name not in ("mismatch", "fixed", *MONEY)])
def test_no_claim_fails_at_a_glance(name):
    rows, runs = TABLES[name]
    assert [row for row in rows(max(runs // 150, 4)) if "**no**" in row] == []


def test_power_is_told_for_both_ways_of_looking():
    assert len(list(power_rows(5))) == 3
