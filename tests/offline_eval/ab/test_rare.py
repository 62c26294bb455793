"""Harm in rare events: an exact law, its error over whole lives, and how few events it takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from offline_eval.ab.rare import Rare, harm

UNITS, ALPHA = 4000, 0.05
CASES = [(0.005, 0.0, 0.0, 0.5), (0.005, 0.01, 0.0, 0.8), (0.02, 0.0, 0.5, 0.3), (0.1, 0.02, 0.0, 0.5)]
"""Control's rate, absolute and relative tolerance, chance of the treated group."""


@given(
    st.floats(0, 0.5), st.floats(0, 0.4), st.floats(0, 2), st.floats(0.05, 0.95), st.integers(0, 30), st.integers(0, 30)
)
def test_one_more_unit_adds_no_evidence_on_average_at_the_border(rate, absolute, relative, chance, treated, control):
    """Law: whatever was counted before, the mean e-value after another unit is the one before it."""
    worst = min((1 + relative) * rate + absolute, 1.0)
    rate = min(rate, (worst - absolute) / (1 + relative))
    before = Rare(200, treated, control, chance)
    p, q = chance * worst, (1 - chance) * rate
    nexts = {(1, 0): p, (0, 1): q, (0, 0): 1 - p - q}
    after = [
        mass * np.exp(harm([Rare(201, treated + a, control + b, chance)], absolute, relative))
        for (a, b), mass in nexts.items()
    ]
    assert sum(after) == pytest.approx(np.exp(harm([before], absolute, relative)), rel=1e-6)


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0, 0.2))
def test_strata_of_the_same_chance_add_up(treated, control, absolute):
    parts = [Rare(100, treated, 3, 0.4), Rare(150, 2, control, 0.4)]
    assert harm(parts, absolute) == pytest.approx(harm([Rare(250, treated + 2, control + 3, 0.4)], absolute))


def first_cry(rng: np.random.Generator, rates: tuple[float, float], case: tuple[float, ...]) -> tuple[int, int] | None:
    """Events of both groups when it first cries, looked at after every unit; None: in no look of a life."""
    _, absolute, relative, chance = case
    here = rng.random(UNITS) < chance
    event = rng.random(UNITS) < np.where(here, rates[0], rates[1])
    treated, control = np.cumsum(event & here), np.cumsum(event & ~here)
    # Evidence grows with an event of the treated group only.
    for n in np.flatnonzero(event & here):
        if harm([Rare(n + 1, treated[n], control[n], chance)], absolute, relative) >= -np.log(ALPHA):
            return int(treated[n]), int(control[n])
    return None


@pytest.mark.parametrize("lives", [60, pytest.param(2000, marks=pytest.mark.proof)])
@pytest.mark.parametrize("case", CASES)
def test_a_whole_life_at_the_border_rarely_cries(case, lives):
    rng = np.random.default_rng(4)
    rates = ((1 + case[2]) * case[0] + case[1], case[0])
    cries = sum(first_cry(rng, rates, case) is not None for _ in range(lives))
    print(f"{case}: {cries} of {lives} lives")
    assert binom.sf(cries - 1, lives, ALPHA) > 0.001, cries


def test_drifting_rates_are_no_harm():
    """Both groups' rates rise thirtyfold, and the treated one's stays at its tolerance at every time."""
    rng, cries = np.random.default_rng(5), 0
    for _ in range(60):
        drift = np.geomspace(0.002, 0.06, UNITS)
        cries += first_cry(rng, (drift, drift), CASES[0]) is not None  # type: ignore[arg-type]
    assert binom.sf(cries - 1, 60, ALPHA) > 0.001, cries


def test_harm_is_seen_long_before_fifty_events():
    rng = np.random.default_rng(6)
    seen = [first_cry(rng, (0.03, 0.003), CASES[0]) for _ in range(20)]
    assert all(seen)
    assert np.median([one[0] for one in seen if one]) <= 15
