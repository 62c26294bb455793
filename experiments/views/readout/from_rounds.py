"""Comparisons that sums by bucket cannot feed: covariates (CUPED, regression), quantiles, capped revenue.

They read every matured round, which takes seconds for a hundred thousand of them; so the shell offers them and the API
does not. A unit counts once: its value is its mean per decision, its covariates are the numeric context of its first
decision, which was known before the draw. Capped metrics are compared where every revision has a cap.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import Engine

from experiments.metrics import RATIOS, shares_of
from experiments.model.access.principal import Principal, require
from experiments.model.designing.controls import control_of
from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import CAPPED_METRICS
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.joining.unit_rounds import unit_rounds
from experiments.views.readout.answering import readout
from experiments.views.readout.bounds import Counted, bounds_of
from experiments.views.readout.comparing import Comparing
from experiments.views.readout.question import Question
from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.contrast import Contrast
from offline_eval.ab.errors import ComparisonError
from offline_eval.ab.sample import Sample

Document = dict[str, Any]


Unit = tuple[Any, list[float], dict[str, float]]
"""Sums by metric, [decisions], numeric context of the first."""

Units = dict[str, dict[str, Unit]]
"""Variant → unit."""


def readout_from_rounds(engine: Engine, principal: Principal, key: str, method: str) -> Document:
    """The readout with its contrasts by a method in FROM_ROUNDS. Raises ForbiddenError, NotFoundError."""
    require(principal, "analyse")
    document = readout(engine, principal, key, Question(method="fixed"))
    with reading(engine) as session:
        row = find(session, key)
        # A unit's value is a mean per decision, which lies where that of a unit with one decision does.
        bounds = bounds_of(session.connection(), row, Counted(1, 1))
    definition = Definition.model_validate(row.definition)
    plain = [name for name in document["variants"][control_of(definition)]["metrics"] if name not in RATIOS]
    capped = bounds.has_value("capped_revenue", range(1, row.revision + 1)).all()
    metrics = [name for name in plain if capped or name not in CAPPED_METRICS.values()]
    units = _units(engine, int(row.id or 0), metrics)
    control = control_of(definition)
    sample = _with_denominator if method == "ratio" else partial(_with_covariates, numeric=_numeric(units))
    limits = {} if method == "ratio" else bounds.limits
    samples = {
        name: {m: sample(list(known.values()), place).within(limits.get(m)) for place, m in enumerate(metrics)}
        for name, known in units.items()
    }
    # 0/1 in all variants or in none: a unit of several decisions in one of them makes it a mean.
    shares = {m for m in shares_of(definition) & set(metrics) if all(each[m].binary for each in samples.values())}
    samples = {name: {m: one.with_share(m in shares) for m, one in each.items()} for name, each in samples.items()}
    found = {
        name: {m: _compared(method, samples[name][m], samples[control][m]) for m in metrics}
        for name in samples
        if name != control and control in samples
    }
    shown = Comparing("fixed", bounds=bounds).documents(
        {name: {m: c for m, c in one.items() if c} for name, one in found.items()}
    )
    for name, versus in shown.items():
        document["variants"][name]["versus"] = {control: versus}
    return document | {"method": method}


def _units(engine: Engine, number: int, metrics: Sequence[str]) -> Units:
    units: Units = {}
    for one in unit_rounds(engine, number):
        known = units.setdefault(one.variant, {})
        if one.unit_id not in known:
            plain = {name: float(x) for name, x in one.context.items() if isinstance(x, int | float)}
            known[one.unit_id] = (np.zeros(len(metrics)), [0.0], plain)
        sums, decisions, _ = known[one.unit_id]
        sums += [one.metrics.get(name, 0.0) for name in metrics]
        decisions[0] += 1.0
    return units


def _numeric(units: Units) -> list[str]:
    """Names that every unit has a number for."""
    contexts = [context.keys() for known in units.values() for _, _, context in known.values()]
    return sorted(set.intersection(*map(set, contexts))) if contexts else []


def _with_covariates(known: Sequence[Unit], metric: int, numeric: Sequence[str]) -> Sample:
    covariates = {f"x:{name}": [context[name] for _, _, context in known] for name in numeric}
    decisions = np.array([count[0] for _, count, _ in known])
    return Sample.of(np.array([sums[metric] for sums, _, _ in known]) / decisions, True, **covariates)


def _with_denominator(known: Sequence[Unit], metric: int) -> Sample:
    """A unit's sum over its decisions: the ratio of totals, by the delta method over units."""
    return Sample.of([sums[metric] for sums, _, _ in known], False, denominator=[count[0] for _, count, _ in known])


def _compared(method: str, treated: Sample, control: Sample) -> Contrast | None:
    """None where the samples lack what the method needs, such as covariates."""
    try:
        return COMPARISONS[method]().compare(treated, control)
    except ComparisonError:
        return None
