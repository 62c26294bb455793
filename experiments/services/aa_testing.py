"""A/A runs: asked for by people, taken up by a worker, carried on where a process died."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from sqlalchemy import Engine

from experiments.errors import ConflictError, Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.designing.arm_metrics import cell_metrics
from experiments.model.tables.core import Experiment
from experiments.model.tables.readouts import AaRun
from experiments.model.times import now
from experiments.services.aa_units import read_units, wolves
from experiments.store import audit, runs
from experiments.store.core.engine import reading, transaction
from experiments.store.designing.experiments import find
from experiments.store.designing.revisions import definitions_of
from experiments.store.joining.matured import last_sequence_of
from experiments.store.joining.round_log import RoundLog, write_round_log

MOST_SALTS = 10_000
LEAST_UNITS = 100

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class AaRequest:
    """How many salts, and which share of the units each of them treats."""

    salts: int = 1000
    share: float = 0.5


class AaClaim(NamedTuple):
    """An A/A run that this process works on."""

    id: int
    experiment: str
    request: AaRequest


def request_aa(engine: Engine, principal: Principal, key: str, request: AaRequest) -> int:
    """Queue a run; its number. Raises ForbiddenError, NotFoundError, InvalidError."""
    require(principal, "analyse")
    check(request)
    with transaction(engine) as session:
        row = AaRun(
            experiment_id=find(session, key).id or 0,
            status="queued",
            request=asdict(request),
            created_at=now(),
            created_by=principal.name,
        )
        session.add(row)
        session.flush()
        audit.append(session, principal, "aa.request", f"{key}/{row.id}", row.request)
        return int(row.id or 0)


def check(request: AaRequest) -> None:
    """Raises InvalidError."""
    faults = []
    if not 1 <= request.salts <= MOST_SALTS:
        faults.append(Fault("/salts", f"must be 1 to {MOST_SALTS}"))
    if not 0.05 <= request.share <= 0.95:
        faults.append(Fault("/share", "must be 0.05 to 0.95"))
    if faults:
        raise InvalidError(faults)


def cancel_aa(engine: Engine, principal: Principal, number: int) -> None:
    """End a run that is not over. Raises ForbiddenError, NotFoundError, ConflictError."""
    require(principal, "analyse")
    with transaction(engine) as session:
        runs.cancel(session, AaRun, number)
        audit.append(session, principal, "aa.cancel", str(number), {})


def claim_aa(engine: Engine) -> AaClaim | None:
    """Take up the oldest run that waits, or whose process died; None where there is none."""
    row = runs.claim(engine, AaRun)
    if row is None:
        return None
    with reading(engine) as session:
        key = session.get_one(Experiment, row.experiment_id).key
    return AaClaim(int(row.id or 0), key, AaRequest(**row.request))


def tested(engine: Engine, key: str, request: AaRequest, progress: Progress) -> dict[str, Any]:
    """The result, over the units of all decisions that have matured.

    Raises NotFoundError, ConflictError where there are too few units.
    """
    with reading(engine) as session:
        row = find(session, key)
        number = int(row.id or 0)
        through = last_sequence_of(session.connection(), number)
        metrics = cell_metrics(definitions_of(session.connection(), number))
    log = RoundLog(number, row.salt, through, metrics, units=True)
    with TemporaryDirectory(prefix="winback-aa-") as folder:
        files = write_round_log(engine, log, Path(folder), lambda done: progress("reading the log", done, through))
        return _tested(files, key, metrics, request, progress)


def _tested(
    files: Sequence[Path], key: str, metrics: Sequence[str], request: AaRequest, progress: Progress
) -> dict[str, Any]:
    units = read_units(files, metrics) if files else None
    if units is None or len(units.number) < LEAST_UNITS:
        found = 0 if units is None else len(units.number)
        raise ConflictError(f"{key!r} has matured decisions of {found} units; an A/A run needs {LEAST_UNITS}")
    result = wolves(units, request.salts, request.share, lambda done, total: progress("re-randomising", done, total))
    return {"experiment": key, **asdict(request), **result}
