"""All campaigns together against a global holdout, looked at again and again."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.claims.counting import Seen, bounded, held, over_looks
from benchmarks.claims.designs import (
    Design,
    draw_effect,
    draw_horizon,
    draw_law,
    draw_laws,
    draw_looks,
    log_uniform,
    price,
)
from benchmarks.claims.laws import Floats
from offline_eval.ab.bucketed import Bucketed
from offline_eval.ab.portfolio import COSTS, REENGAGED, REVENUE, Portfolio

BUCKETS = 256


def draw(rng: np.random.Generator, made: Design) -> Design:
    """A holdout of 1 to 30 %, in one or two strata of enrolment."""
    held_out, first = log_uniform(rng, 0.01, 0.3), draw_law(rng, 1.0)
    effect, horizon = draw_effect(rng), draw_horizon(rng, low=1_000)
    costs = (log_uniform(rng, 0.01, 0.5), log_uniform(rng, 0.1, 5.0))
    return replace(
        made,
        laws=draw_laws(rng, first, 2, effect),
        effect=effect,
        shares=(held_out, 1 - held_out),
        horizon=horizon,
        looks=min(draw_looks(rng, horizon, 20), 15),
        costs=costs,
        strata=int(rng.choice([1, 2])),
    )


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One year."""
    sides = [_enrolled(design, arm, rng) for arm in (1, 0)]
    looks = [_look(design, sides, look) for look in range(design.looks)]
    yield from over_looks(looks)
    if design.has_data_enough:
        last = {one.claim: one for one in looks[-1]}
        yield bounded("shown: net value a unit", last["sequence: net value a unit"])


def _enrolled(design: Design, arm: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Columns by unit; each brings what it brings within the look in which it is seen."""
    n = max(int(design.horizon * design.shares[arm]), 2)
    value, (contact, reward) = design.laws[arm].values(rng, n), design.costs
    back = (value > 0).astype(float)
    return {
        "look": rng.integers(0, design.looks, n),
        "bucket": rng.integers(0, BUCKETS, n),
        "stratum": rng.integers(0, design.strata, n),
        REVENUE: value,
        REENGAGED: back,
        COSTS[0]: reward * back * arm,
        COSTS[1]: np.full(n, contact * arm),
    }


def _look(design: Design, sides: list[dict[str, Floats]], look: int) -> list[Seen]:
    found = Portfolio(_sums(design, sides[0], look), _sums(design, sides[1], look), design.margin)
    gains = found.gains()
    contact, reward = design.costs
    control, treated = design.laws
    back, cost = treated.rate - control.rate, contact + reward * treated.rate
    net = design.margin * design.effects[0] - cost
    roi, spent = found.incremental_roi(), found.cost_per_incremental()
    return [
        held("sequence: revenue a unit", gains[REVENUE].per_unit.absolute, design.effects[0]),
        held("sequence: re-engaged a unit", gains[REENGAGED].per_unit.absolute, back),
        held("sequence: net value a unit", gains["net_value"].per_unit.absolute, net),
        _within("sequence: incremental ROI", roi, net / cost),
        _within("sequence: cost per incremental", spent, price(cost, back)),
    ]


def _within(claim: str, told: dict[str, float | None], truth: float) -> Seen:
    low, high = told["lower"], told["upper"]
    wrong = (low is not None and truth < low) or (high is not None and truth > high)
    return Seen(claim, low is not None or high is not None, wrong)


def _sums(design: Design, side: dict[str, Floats], look: int) -> dict[str, Bucketed]:
    """Units are sizes from their enrolment on; what they bring comes in their look."""
    place = (side["stratum"] * BUCKETS + side["bucket"]).astype(int)
    shape, came = (design.strata, BUCKETS), side["look"] <= look
    sizes = np.bincount(place[came], minlength=design.strata * BUCKETS).reshape(shape).astype(float)
    units, found = int(came.sum()), {}
    for metric in (REENGAGED, REVENUE, *COSTS):
        value = side[metric][came]
        totals = np.bincount(place[came], value, design.strata * BUCKETS).reshape(shape)
        hits = float(np.count_nonzero(value))
        found[metric] = Bucketed(
            totals, sizes, np.ones(design.strata), units, units, metric == REENGAGED, hits, _limits(design, metric)
        )
    return found


def _limits(design: Design, metric: str) -> tuple[float, float] | None:
    """Of what one unit adds, where that is known: revenue has a cap or none."""
    contact, reward = design.costs
    known = {REENGAGED: (0.0, 1.0), COSTS[0]: (0.0, reward), COSTS[1]: (0.0, contact)}
    return known.get(metric, design.laws[0].limits)
