"""The head of a readout for lists of campaigns: the same numbers, without arms, segments and event types."""

from typing import Any

from sqlalchemy import Engine

from experiments.metrics import shares_of
from experiments.model.access.principal import Principal, require
from experiments.model.designing.definition import Definition
from experiments.model.rollups import DECISIONS, UNITS
from experiments.model.times import now, to_rfc3339
from experiments.store.breakers import trips_of
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.rollups.cell_totals import read_variants
from experiments.views.readout.bounds import Counted, bounds_of
from experiments.views.readout.builder import ReadoutBuilder
from experiments.views.readout.cells import of_totals
from experiments.views.readout.described import described
from experiments.views.readout.maturing import maturity_of
from experiments.views.readout.pace import pace_of
from experiments.views.readout.question import WHOLE
from experiments.views.trust.checks import checks

Document = dict[str, Any]
ALWAYS = ("reengagement", "net_value")
"""Shown beside the objective."""


def headline(engine: Engine, principal: Principal, key: str) -> Document:
    """Verdict, checks, counts, variants (in the objective and ALWAYS) and money, as `readout` has them.

    Costs the same however many arms and segments there are: it reads the totals of variants.
    Raises ForbiddenError, NotFoundError.
    """
    require(principal, "read")
    with reading(engine) as session:
        row, connection = find(session, key), session.connection()
        definition = Definition.model_validate(row.definition)
        totals = read_variants(connection, int(row.id or 0))
        found = checks(connection, row, totals.total(DECISIONS))
        trips = trips_of(session, int(row.id or 0))
        pace = pace_of(connection, int(row.id or 0), totals.places)
        still_open = maturity_of(connection, row, definition).open
        bounds = bounds_of(connection, row, Counted(totals.total(DECISIONS), totals.total(UNITS)))
    as_of = row.clock_now if definition.clock == "caller" else now()
    objective = definition.objective.maximise
    only = frozenset((objective, bounds.judged(objective), *ALWAYS))
    shown = ReadoutBuilder.of(row, definition, of_totals(totals, shares_of(definition), bounds), WHOLE, only)
    return {
        "experiment": row.key,
        "status": row.status,
        "revision": row.revision,
        "as_of": None if as_of is None else to_rfc3339(as_of),
        "method": shown.comparing.method,
        "control": shown.control,
        "objective": objective,
        "estimand": shown.estimand(),
        "verdict": shown.judging(trips, pace).verdict(found, as_of, still_open).as_dict(),
        "checks": [check.as_dict() for check in found],
        "notes": shown.notes(),
        "metrics": described(definition, shown.metrics),
        "counts": shown.counts(still_open),
        **shown.headline(),
    }
