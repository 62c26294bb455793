"""Lapsed against the unit's own rhythm: a model of returning customers, fitted to everybody's days of activity."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from experiments.services.segmenting.segmenter import Assigned, Floats, Segmenter
from experiments.services.segmenting.source import Kinds, Source
from offline_eval.activity import ACTIVITY_MODELS, DEFAULT_MODEL, ActivityModel, Visits

MOST_FITTED = 100_000
"""Units that the model is fitted to; more would not move its parameters."""

_SLICE = 100_000


class Lapsed(Segmenter):
    """`alive`, `slipping` below `slipping`, `lapsed` below `lapsed` of P(still in its own rhythm); `unproven` for units
    that have not returned yet, of whose rhythm nothing is known.

    Features `p_alive`, and `p_active`: P(comes at least once within `horizon_days`), both to two decimals.
    """

    model: Literal["lapsing", "bg_nbd", "mbg_nbd"] = DEFAULT_MODEL  # type: ignore[assignment]  # a key of the dict
    events: Kinds = "any"
    horizon_days: float = Field(30, gt=0, le=3650)
    slipping: float = Field(0.7, gt=0, lt=1)
    lapsed: float = Field(0.3, gt=0, lt=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Lapsed":
        if self.lapsed > self.slipping:
            raise ValueError("`lapsed` must not lie above `slipping`")
        return self

    def assign(self, source: Source) -> Assigned:
        """See Segmenter: everybody with a history. Raises HistoryError where nobody ever returned."""
        population = source.population(self.events)
        visits = population.visits
        model = ACTIVITY_MODELS[self.model].fit(_sample(visits))
        alive, active = _predicted(model, visits, self.horizon_days)
        tier = np.where(alive < self.lapsed, 2, np.where(alive < self.slipping, 1, 0))
        tier = np.where(visits.frequency == 0, 3, tier)
        names = ("alive", "slipping", "lapsed", "unproven")
        features = {"p_alive": np.round(alive, 2), "p_active": np.round(active, 2)}
        fitted = {"name": self.model, "units": min(len(visits), MOST_FITTED), **model.parameters()}
        return Assigned(population.units, [names[place] for place in tier.tolist()], features, fitted)


def _sample(visits: Visits) -> Visits:
    if len(visits) <= MOST_FITTED:
        return visits
    chosen = np.zeros(len(visits), dtype=bool)
    chosen[np.random.default_rng(0).choice(len(visits), MOST_FITTED, replace=False)] = True
    return visits.chosen(chosen)


def _predicted(model: ActivityModel, visits: Visits, horizon: float) -> tuple[Floats, Floats]:
    """In slices, so that memory does not grow with the base."""
    alive, active = np.empty(len(visits)), np.empty(len(visits))
    for start in range(0, len(visits), _SLICE):
        part = visits.span(start, start + _SLICE)
        alive[start : start + _SLICE] = model.alive(part)
        active[start : start + _SLICE] = model.active(part, horizon)
    return alive, active
