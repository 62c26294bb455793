"""Sums by bucket of people at one look: means, differences, relative effects, shares of many decisions, and money."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.claims.counting import Seen, bounded, held
from benchmarks.claims.crowds import Crowd, Rollups, crowd
from benchmarks.claims.designs import Design, draw_laws, draw_people, log_uniform
from benchmarks.claims.earned import earned
from benchmarks.claims.families import buckets_running
from offline_eval.ab.bucketed import Bucketed, Linearised, linearised_mean
from offline_eval.ab.bucketed_contrast import Look
from offline_eval.ab.bucketed_methods import METHODS
from offline_eval.ab.bucketed_money import AMOUNTS, NET, REENGAGED, bucketed_money
from offline_eval.ab.contrast import Contrast


def draw(rng: np.random.Generator, made: Design) -> Design:
    """As while it runs, two arms, one revision, with costs."""
    base = buckets_running.draw(rng, made)
    people = base.people if base.people.index else draw_people(rng, 0.3)
    effect = "none" if people.index and np.isfinite(base.laws[0].cap) else base.effect
    share = float(rng.uniform(0.05, 0.95))
    return replace(
        base,
        laws=draw_laws(rng, base.laws[0], 2, effect),
        effect=effect,
        people=people,
        shares=(share, 1 - share),
        horizon=int(min(base.horizon, 60_000 / people.mean)),
        looks=1,
        revisions=1,
        costs=(log_uniform(rng, 0.01, 0.5), log_uniform(rng, 0.1, 5.0)),
    )


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One campaign."""
    seen = crowd(design, rng)
    groups = Rollups.of(design, seen).linearised(1, design.laws)
    found = METHODS["fixed"](groups[1], groups[0], 0.05)
    difference = held("interval: difference", found.absolute, design.effects[0])
    yield difference
    if design.has_data_enough and not design.people.index:
        yield bounded("shown: difference", difference)
    # With a cap on a person's total, later decisions earn less: means are then not those of the law.
    if not (design.people.index and np.isfinite(design.laws[0].cap)):
        scarce, (bottom, top) = design.scarce, (law.mean for law in design.laws)
        yield held("interval: mean", linearised_mean(groups[scarce]), design.laws[scarce].mean)
        yield held("interval: relative", found.relative, top / bottom - 1)
        if not design.laws[0].binary:
            yield from _money(design, seen)


def _money(design: Design, seen: Crowd) -> Iterator[Seen]:
    sides = [_side(design, seen, arm) for arm in (1, 0)]
    lift: dict[str, Contrast] = {
        name: METHODS["fixed"](sides[0][name], sides[1][name], 0.05) for name in (*AMOUNTS, REENGAGED)
    }
    roi = sides[0].pop("roi")
    found = bucketed_money(dict.fromkeys(AMOUNTS, 0.0), roi, (sides[0], sides[1]), lift, Look(False))
    yield from earned(design, found)


def _side(design: Design, seen: Crowd, arm: int) -> dict[str, Linearised]:
    """A group's metrics, and `roi` over its costs."""
    mine, (contact, reward) = seen.group == arm, design.costs
    back = (seen.value[mine] > 0).astype(float)
    columns = {
        "revenue": seen.value[mine],
        REENGAGED: back,
        "reward_cost": reward * arm * back,
        "contact_cost": np.full(len(back), contact * arm),
    }
    costs = columns["reward_cost"] + columns["contact_cost"]
    columns[NET] = design.margin * columns["revenue"] - costs
    sums = {
        name: np.bincount(seen.bucket[mine], column, 256)[None] for name, column in (columns | {"costs": costs}).items()
    }
    sizes = np.bincount(seen.bucket[mine], minlength=256)[None].astype(float)
    counts = int(mine.sum()), int(seen.new[mine].sum())
    known = _limits(design, counts[0] > counts[1])
    groups = {
        name: Bucketed(
            sums[name], sizes, np.ones(1), *counts, name == REENGAGED, float(np.count_nonzero(column)), known.get(name)
        )
        for name, column in columns.items()
    }
    groups["roi"] = Bucketed(sums[NET], sums["costs"], np.ones(1), *counts)
    return {name: Linearised.of(group) for name, group in groups.items()}


def _limits(design: Design, repeated: bool) -> dict[str, tuple[float, float]]:
    """Of what a unit adds, by metric, where that is known: costs of repeated decisions are not."""
    revenue, (contact, reward) = design.laws[0].limits, design.costs
    if repeated:
        return {} if revenue is None else {"revenue": revenue}
    known = {REENGAGED: (0.0, 1.0), "reward_cost": (0.0, reward), "contact_cost": (0.0, contact)}
    return (
        known if revenue is None else known | {"revenue": revenue, NET: (-contact - reward, design.margin * revenue[1])}
    )
