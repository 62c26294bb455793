"""Faults that only the whole log shows."""

from collections.abc import Iterator, Sequence

import numpy as np

from bandit.rounds import Arm
from offline_eval.logs.errors import Fault, LogDataError
from offline_eval.logs.scan import DUPLICATES_CHECKED, Scan, objective_column
from offline_eval.logs.spec import MONEY, LogSpec

SCARCE = 20
"""Under `uniform` an arm seen this many times less often than its share is a misspelling, not chance."""


def check_columns(spec: LogSpec, names: Sequence[str]) -> None:
    """Raise LogDataError naming every column that the spec speaks of and the log does not have."""
    there = f"The log has: {', '.join(names[:40])}{' …' if len(names) > 40 else ''}"
    absent = {column: at for column, at in spec.columns().items() if column not in names}
    if absent:
        raise LogDataError([Fault(None, c, f"is not in the log ({at})", there) for c, at in absent.items()])


def check_scan(spec: LogSpec, scan: Scan, arms: Sequence[Arm]) -> None:
    """Raise LogDataError with every fault of the rows and of the log as a whole."""
    faults = [*scan.faults, *_whole(spec, scan, arms)]
    if faults:
        raise LogDataError(faults)


def _whole(spec: LogSpec, scan: Scan, arms: Sequence[Arm]) -> Iterator[Fault]:
    column = "|".join(spec.arm)
    if not scan.n:
        yield Fault(None, column, "the log has no rows", "Check the path, or wait until decisions have matured")
        return
    if scan.lowest == scan.highest and scan.n > 1 and not _never_or_always(spec, scan):
        problem = f"constant rewards: the objective '{spec.objective.maximise}' is {scan.lowest:g} in every row"
        yield Fault(None, objective_column(spec), problem, "Choose an objective that varies, or check the outcomes")
    yield from _unheard(spec, scan, column)
    if spec.propensity.uniform and not spec.eligible:
        yield from _scarce(scan, arms, column)
    if spec.unit:
        yield from _duplicates(spec, scan)


def _never_or_always(spec: LogSpec, scan: Scan) -> bool:
    """A share may be nothing or everything so far, and money nothing; any other constant is no outcome."""
    metric = spec.objective.maximise
    if scan.lowest == 0.0:
        return True
    return metric in spec.outcomes and metric not in MONEY and metric not in scan.beyond_share


def _unheard(spec: LogSpec, scan: Scan, column: str) -> Iterator[Fault]:
    seen = {key for key, count in scan.arms.items() if count} | scan.eligible
    listed = {arm.key for arm in spec.arms} if spec.closed else set()
    for name in spec.declared:
        if name not in seen | listed:
            problem = f"the spec speaks of the arm '{name}', which never occurs"
            yield Fault(None, column, problem, f"Correct the spec; the log has: {', '.join(sorted(seen))}")


def _scarce(scan: Scan, arms: Sequence[Arm], column: str) -> Iterator[Fault]:
    expected = scan.n / len(arms)
    for arm in arms:
        count = scan.arms[arm.key]
        if expected >= SCARCE and count * SCARCE < expected:
            row = scan.first[arm.key] + 1 if count else None
            problem = f"the arm '{arm.key}' occurs {count} times where uniform draws give about {expected:.0f}"
            yield Fault(row, column, problem, "Correct a misspelt arm, or say in log.propensity how arms were drawn")


def _duplicates(spec: LogSpec, scan: Scan) -> Iterator[Fault]:
    if scan.n > DUPLICATES_CHECKED or not scan.moments:
        return
    moments = np.concatenate(scan.moments)
    order = np.argsort(moments, kind="stable")
    again = order[1:][moments[order[1:]] == moments[order[:-1]]]
    if len(again):
        at = "at the same time" if spec.time else "and log.time is empty"
        remedy = "Remove repeated rows" if spec.time else "Remove repeated rows, or name log.time if units come back"
        problem = f"the unit was already decided for {at} ({len(again)} such rows)"
        yield Fault(int(again.min()) + 1, spec.unit, problem, remedy)
