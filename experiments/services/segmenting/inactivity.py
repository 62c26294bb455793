"""Tiers by days since the last activity, crossed with value where wanted."""

from itertools import pairwise
from typing import Annotated

import numpy as np
import scipy
from pydantic import BaseModel, ConfigDict, Field, field_validator

from experiments.services.segmenting.segmenter import Assigned, Floats, Segmenter
from experiments.services.segmenting.source import Kinds, Population, Source

Days = Annotated[float, Field(gt=0, le=36_500)]


class Value(BaseModel):
    """Groups of equal size by frequency and money: the mean of a unit's two ranks, cut into `quantiles`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    quantiles: int = Field(3, ge=2, le=10)


class Inactivity(Segmenter):
    """`30-60` for at least 30 and less than 60 days without activity, the last tier open; `30-60/v3` with value 3."""

    tiers: list[Days] = Field(default=[30, 60, 90, 180], min_length=1, max_length=20)
    events: Kinds = "any"
    value: Value | None = None

    @field_validator("tiers")
    @classmethod
    def _rising(cls, tiers: list[float]) -> list[float]:
        if any(low >= high for low, high in pairwise(tiers)):
            raise ValueError("must rise")
        return tiers

    def assign(self, source: Source) -> Assigned:
        """See Segmenter: everybody with a history."""
        population = source.population(self.events)
        edges = [f"{edge:g}" for edge in (0, *self.tiers)]
        names = [*(f"{low}-{high}" for low, high in pairwise(edges)), f"{edges[-1]}+"]
        tier = np.searchsorted(self.tiers, population.inactive, side="right")
        if self.value is None:
            return Assigned(population.units, [names[place] for place in tier.tolist()])
        worth = _worth(population, self.value.quantiles)
        pairs = zip(tier.tolist(), worth.tolist(), strict=True)
        return Assigned(population.units, [f"{names[place]}/v{group}" for place, group in pairs])


def _worth(population: Population, quantiles: int) -> Floats:
    """1 to `quantiles`, the most valuable last; units of equal value share a group."""
    count = len(population.units)
    if not count:
        return np.zeros(0, dtype=np.int64)
    score = scipy.stats.rankdata(population.events) + scipy.stats.rankdata(population.amount)
    place = (scipy.stats.rankdata(score) - 0.5) / count
    return np.minimum((place * quantiles).astype(np.int64) + 1, quantiles)
