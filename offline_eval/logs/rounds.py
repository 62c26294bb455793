"""Row by row, for policies that learn one round after the other and for whoever plays a log again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bandit.features import feature_index
from bandit.rounds import Arm, Pmf, Round, Scalar
from offline_eval.logs.batch import LogBatch


@dataclass(frozen=True, slots=True)
class LoggedRow:
    """One decision as its log has it.

    Attributes:
        row: position in the log, from 0.
        unit: the unit's id; the row number where the log has none.
        time: seconds; None where the log has no order.
        context: the features known before; None where missing.
        arms: the eligible arms.
        chosen: index into `arms`.
        pmf: over `arms`; None where only the chosen arm's probability is known.
        metrics: outcome by metric.
    """

    row: int
    unit: str
    time: float | None
    context: Mapping[str, Scalar]
    arms: tuple[Arm, ...]
    chosen: int
    propensity: float
    pmf: Pmf | None
    reward: float
    metrics: Mapping[str, float]


def logged_rows(arms: tuple[Arm, ...], batch: LogBatch) -> Iterator[LoggedRow]:
    """The rows of a batch, in its order; `arms` are the log's."""
    names = [*batch.numeric, *batch.categorical]
    numeric = [[None if np.isnan(v) else v for v in values.tolist()] for values in batch.numeric.values()]
    columns = zip(*numeric, *(column.texts() for column in batch.categorical.values()), strict=True)
    contexts = [dict(zip(names, values, strict=True)) for values in columns] if names else [{}] * len(batch)
    units = batch.unit_id.texts() if batch.unit_id else [str(row) for row in batch.row.tolist()]
    metrics = {name: values.tolist() for name, values in batch.metrics.items()}
    for index, (context, unit) in enumerate(zip(contexts, units, strict=True)):
        eligible, chosen, pmf = _choice(arms, batch, index)
        yield LoggedRow(
            int(batch.row[index]),
            unit or "",
            None if batch.time is None else float(batch.time[index]),
            context,
            eligible,
            chosen,
            float(batch.propensity[index]),
            pmf,
            float(batch.reward[index]),
            {name: values[index] for name, values in metrics.items()},
        )


def _choice(arms: tuple[Arm, ...], batch: LogBatch, index: int) -> tuple[tuple[Arm, ...], int, Pmf | None]:
    pmf, arm = None if batch.pmf is None else batch.pmf[index], int(batch.arm[index])
    if batch.eligible is None or batch.eligible[index].all():
        return arms, arm, pmf
    places = np.flatnonzero(batch.eligible[index])
    chosen = int(np.searchsorted(places, arm))
    return tuple(arms[place] for place in places), chosen, None if pmf is None else pmf[places]


def rounds(arms: tuple[Arm, ...], batch: LogBatch) -> Iterator[Round]:
    """The rows of a batch as rounds to learn from.

    Where only the chosen arm's probability is known, the rest of the pmf is spread evenly over the other arms: learners
    read the propensity alone.
    """
    for row in logged_rows(arms, batch):
        pmf = row.pmf if row.pmf is not None else _spread(len(row.arms), row.chosen, row.propensity)
        # A hash of the id will do: what is learned here stays with whoever has the log.
        person = feature_index(row.unit)
        yield Round(row.context, row.arms, row.chosen, pmf, row.propensity, row.reward, person)


def _spread(count: int, chosen: int, propensity: float) -> Pmf:
    pmf = np.full(count, (1.0 - propensity) / max(count - 1, 1))
    pmf[chosen] = propensity
    return np.asarray(pmf / pmf.sum())
