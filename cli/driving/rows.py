"""The rows of a log in the order in which a seed plays them, each with the verdict of the rejection sampler."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bandit.rounds import Scalar
from cli.driving.experiment import ELIGIBLE, arm_keys
from cli.errors import CallError
from offline_eval.logs import Log, LogBatch, LoggedRow, logged_rows

EARLIEST = 946_684_800
"""Seconds since 1970 (2000-01-01) at which a log without times, or with mere numbers as times, begins."""

CALENDAR = 100_000_000
"""Times from here on (seconds; 1973) are taken for dates, smaller ones for numbers counted from the log's own zero."""


@dataclass(frozen=True, slots=True)
class Play:
    """One row as it is played.

    Attributes:
        row: number of the row in the file, from 0; the idempotency key.
        at: the log's own time, seconds since 1970; None where it has no order.
        arm: key of the logged arm in the experiment.
        kept: whether the sampler keeps the row where the service draws the logged arm.
    """

    row: int
    unit: str
    at: float | None
    context: Mapping[str, Scalar]
    arm: str
    kept: bool
    reward: float
    outcomes: Mapping[str, float]


def plays(log: Log, seed: int) -> list[Play]:
    """Every row, in order of time (ties shuffled by the seed) or shuffled by the seed.

    A row is kept with probability min_a μ(a|x) / μ(logged|x), which makes the kept ones uniform over the arms; on a
    uniform log that keeps all. Raises CallError where the log does not say how likely its other arms were.
    """
    keys, table = arm_keys(log.arms), log.table()
    if table.pmf is None:
        raise CallError("to be played again a log must say how likely every arm was: log.pmf, uniform, or within")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table))
    if table.time is not None:
        order = order[np.argsort(table.time[order], kind="stable")]
    luck = rng.random(len(table))
    ordered = table.take(order)
    played = zip(logged_rows(log.arms, ordered), _segments(log, ordered), luck.tolist(), strict=True)
    return [_play(log, keys, row, beside, u) for row, beside, u in played]


def chunks(played: Sequence[Play], size: int) -> list[Sequence[Play]]:
    """Consecutive parts of at most `size` rows."""
    return [played[start : start + size] for start in range(0, len(played), size)]


def _segments(log: Log, table: LogBatch) -> list[dict[str, str | None]]:
    """What names a row's segment and is no feature: it goes along in the context, where no policy sees it."""
    known = {*log.features.numeric, *log.features.categorical}
    beside = {name: column.texts() for name, column in table.segments.items() if name not in known}
    return [{name: texts[row] for name, texts in beside.items()} for row in range(len(table))]


def _play(log: Log, keys: Mapping[str, str], row: LoggedRow, beside: Mapping[str, str | None], luck: float) -> Play:
    pmf = row.pmf
    if pmf is None:
        raise CallError(f"row {row.row + 1} has no probability for each of its eligible arms")
    context = {**row.context, **beside}
    if log.spec.eligible:
        context[ELIGIBLE] = "".join(f"|{keys[arm.key]}|" for arm in row.arms)
    return Play(
        row=row.row,
        unit=row.unit,
        at=_instant(row.time),
        context=context,
        arm=keys[row.arms[row.chosen].key],
        kept=luck < pmf.min() / pmf[row.chosen],
        reward=row.reward,
        outcomes={metric: row.metrics[metric] for metric in log.spec.outcomes},
    )


def _instant(time: float | None) -> float | None:
    return time if time is None or time >= CALENDAR else EARLIEST + time
