"""What several logs must have in common to be read as one, and which loggers' probabilities are known where."""

from collections.abc import Iterator, Sequence

import numpy as np

from offline_eval.logs.batch import Categorical, LogBatch
from offline_eval.logs.decoded import crossed
from offline_eval.logs.errors import LogError
from offline_eval.logs.log import Log


class LogsDifferError(LogError):
    """Logs that cannot be read as one; the message names what must agree."""


def check_agreement(logs: Sequence[Log]) -> None:
    """Raise LogsDifferError naming what differs, or what cannot be read together with others."""
    first = logs[0]
    if doubled := [log.spec.name for log in logs if [each.spec.name for each in logs].count(log.spec.name) > 1]:
        raise LogsDifferError(f"two logs are named '{doubled[0]}'; give each [log] a name of its own")
    for log in logs[1:]:
        for what in ("objective", "control", "numeric", "categorical", "segments"):
            one, two = getattr(first.spec, what), getattr(log.spec, what)
            if one != two:
                raise LogsDifferError(f"{what} of '{first.spec.name}' and '{log.spec.name}' differ: {one} and {two}")
        if bool(first.spec.unit) != bool(log.spec.unit) or bool(first.spec.time) != bool(log.spec.time):
            raise LogsDifferError(
                f"'{first.spec.name}' and '{log.spec.name}': a unit and a time in both, or in neither"
            )
    for log in logs:
        if log.spec.propensity.estimate:
            raise LogsDifferError(f"'{log.spec.name}' has no known propensities (estimate = true); replay it alone")
        if log.spec.position:
            raise LogsDifferError(f"'{log.spec.name}' has slots (position); replay it alone")


def unknown_loggers(logger: Log, rows: Log) -> Iterator[str]:
    """Why the pmf of one log's logger is not known in another log's rows."""
    spec, there = logger.spec, rows.spec
    named = f"what the logger of '{spec.name}' would have done in the rows of '{there.name}' is not known"
    if logger is rows or spec.name in there.shadows or (spec.propensity.uniform and not spec.eligible):
        return
    if spec.propensity.uniform and there.eligible:
        return
    if spec.propensity.within is None or spec.eligible:
        yield f"{named}: record its pmf there, in a column that [shadow] lists under '{spec.name}'"
        return
    absent = [name for name in spec.strata if name not in (*there.categorical, *there.segments)]
    if absent:
        yield f"{named}: its strata {', '.join(absent)} are not in the context.categorical of the other"
    elif unseen := _unseen(logger, rows):
        yield f"{named}: the stratum {unseen} never occurs in its own log"


def _unseen(logger: Log, rows: Log) -> str | None:
    if not logger.spec.strata or logger.shares is None:
        return None
    known = set(logger.shares.names)
    found = (name for batch in rows.batches(pmf=False) for name in _used(strata_of(logger, batch)) if name not in known)
    return next(found, None)


def strata_of(logger: Log, rows: LogBatch) -> Categorical | None:
    """The strata of one log's design in rows of another; None where it has none."""
    columns = {**rows.categorical, **rows.segments}
    return crossed([columns[name] for name in logger.spec.strata]) if logger.spec.strata else None


def _used(column: Categorical | None) -> list[str]:
    """The values that occur."""
    return [] if column is None else [column.values[code] for code in np.unique(column.codes)]
