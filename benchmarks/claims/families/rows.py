"""One look at rows of one decision a unit: means, differences, relative effects and money."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.claims.counting import Seen, bounded, held
from benchmarks.claims.designs import (
    Design,
    draw_effect,
    draw_horizon,
    draw_law,
    draw_laws,
    draw_shares,
    log_uniform,
)
from benchmarks.claims.earned import earned
from benchmarks.claims.samples import sample_of
from offline_eval.ab.choosing import comparison_for
from offline_eval.ab.means import mean_of
from offline_eval.ab.money import money
from offline_eval.ab.sample import Sample


def draw(rng: np.random.Generator, made: Design) -> Design:
    """Two arms of any shares."""
    effect, first = draw_effect(rng), draw_law(rng)
    laws, costs = draw_laws(rng, first, 2, effect), (log_uniform(rng, 0.01, 0.5), log_uniform(rng, 0.1, 5.0))
    return replace(made, laws=laws, effect=effect, shares=draw_shares(rng, 2), horizon=draw_horizon(rng), costs=costs)


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One campaign, looked at once at its end."""
    sizes = rng.multinomial(design.horizon, design.shares)
    values = [law.values(rng, int(n)) for law, n in zip(design.laws, sizes, strict=True)]
    control, treated = (sample_of(v, law) for v, law in zip(values, design.laws, strict=True))
    bottom, top = (law.mean for law in design.laws)
    yield held("interval: mean", mean_of((control, treated)[design.scarce]), design.laws[design.scarce].mean)
    found = comparison_for(treated, control, running=False).compare(treated, control)
    difference = held("interval: difference", found.absolute, design.effects[0])
    yield difference
    yield held("interval: relative", found.relative, top / bottom - 1)
    if design.has_data_enough:
        yield bounded("shown: difference", difference)
    if not design.laws[0].binary:
        yield from _money(design, values)


def _money(design: Design, values: list[np.ndarray]) -> Iterator[Seen]:
    contact, reward = design.costs
    spent = [_spent(v, contact * arm, reward * arm) for arm, v in enumerate(values)]
    pair = [one.within(law.limits) for one, law in zip(spent, design.laws, strict=True)]
    yield from earned(design, money(pair[1], pair[0], design.margin, dearest=contact + reward))


def _spent(values: np.ndarray, contact: float, reward: float) -> Sample:
    back = (values > 0).astype(float)
    columns = {"reward_cost": reward * back, "contact_cost": np.full(len(values), contact), "reengagement": back}
    return Sample.of(values, False, **columns)
