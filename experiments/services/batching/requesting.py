"""Batches are asked for by people and systems, taken up by a worker, carried on where a process died."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from pyarrow import ArrowException
from sqlalchemy import Engine, or_, text
from sqlmodel import Session, col, select

from experiments.errors import ConflictError, Fault, InvalidError, NotFoundError, StoppedError
from experiments.model.access.principal import Principal, require
from experiments.model.callers_clock import check_jump
from experiments.model.designing.definition import Definition
from experiments.model.designing.limit_plan import compile_limits
from experiments.model.tables.batches import DecisionBatch
from experiments.model.tables.core import Experiment
from experiments.model.times import SECOND, now, to_rfc3339
from experiments.services.batching.ordering import Order
from experiments.services.batching.request import BatchRequest
from experiments.services.batching.sources import count
from experiments.services.batching.warning import warnings_of
from experiments.services.deciding.messages import Assignment
from experiments.store import audit
from experiments.store.core.engine import transaction
from experiments.store.designing.experiments import find
from experiments.store.segments import find_segment
from experiments.store.units.erasures import refused_units

SILENCE = 30 * SECOND
"""A running batch that has not been heard of for this long lost its process."""

OVER = ("done", "failed", "cancelled")
SUFFIXES = (".parquet", ".csv", ".jsonl")

_TAKE = text("UPDATE batches SET heartbeat_at = :at WHERE id = :id AND status = 'running' AND heartbeat_at = :was")


class Claim(NamedTuple):
    """A batch that this process works on: how far it came, and the heartbeat that proves it is ours."""

    id: int
    experiment: str
    request: BatchRequest
    asked_at: int
    after: str | None
    files: tuple[str, ...]
    done: int
    counts: Mapping[str, int]
    report: Mapping[str, Any]
    heartbeat: int
    order: Order | None


def request_batch(
    engine: Engine,
    principal: Principal,
    key: str,
    request: BatchRequest,
    rows: tuple[Path, list[Assignment]] | None = None,
) -> int:
    """Queue a batch; its number. `rows` are given themselves, with the folder of batches that they are kept below.

    Raises ForbiddenError, NotFoundError, ConflictError, InvalidError.
    """
    require(principal, "assign")
    if request.path is not None:
        request = replace(request, fingerprint=_fingerprint(Path(request.path)))
    with transaction(engine) as session:
        experiment = find(session, key)
        _check(session, experiment, request)
        at = now()
        row = DecisionBatch(
            experiment_id=int(experiment.id or 0),
            status="queued",
            request={},
            counts={},
            asked_at=at if request.at is None else request.at,
            created_at=at,
            created_by=principal.name,
        )
        session.add(row)
        session.flush()
        if rows is not None:
            erased = refused_units(session.connection(), (each.unit_id for each in rows[1]))
            request = replace(_kept(rows, int(row.id or 0), erased), at=request.at)
        row.request = asdict(_foreseen(engine, session, experiment, request))
        session.add(row)
        audit.append(session, principal, "batch.request", f"{key}/{row.id}", row.request)
        return int(row.id or 0)


def cancel_batch(engine: Engine, principal: Principal, key: str, number: int) -> None:
    """End a batch that is not over; what was decided stays so. Raises ForbiddenError, NotFoundError, ConflictError."""
    require(principal, "assign")
    with transaction(engine) as session:
        row = find_batch(session, key, number)
        if row.status in OVER:
            raise ConflictError(f"batch {number} is {row.status} already")
        row.status, row.finished_at = "cancelled", now()
        session.add(row)
        audit.append(session, principal, "batch.cancel", f"{key}/{number}", {})


def resume_batch(engine: Engine, principal: Principal, key: str, number: int) -> None:
    """Go on with a batch that was cancelled or failed, where it stopped. Raises as `cancel_batch` does."""
    require(principal, "assign")
    with transaction(engine) as session:
        row = find_batch(session, key, number)
        if row.status not in ("cancelled", "failed"):
            raise ConflictError(f"batch {number} is {row.status}: only a cancelled or failed one is resumed")
        if row.status == "failed" and row.is_whole:  # nobody was decided: all are asked for again
            row.position, row.parts, row.done, row.counts, row.report = None, 0, 0, {}, {}
        row.status, row.finished_at, row.error = "queued", None, None
        session.add(row)
        audit.append(session, principal, "batch.resume", f"{key}/{number}", {})


def claim_batch(engine: Engine, number: int | None = None) -> Claim | None:
    """Take up the oldest batch that waits (or the named one), or whose process died; None where there is none."""
    silent = (col(DecisionBatch.status) == "running") & (col(DecisionBatch.heartbeat_at) < now() - SILENCE)
    query = select(DecisionBatch).where(or_(col(DecisionBatch.status) == "queued", silent))
    if number is not None:
        query = query.where(DecisionBatch.id == number)
    with transaction(engine) as session:
        found = query.order_by(col(DecisionBatch.id)).limit(1).with_for_update(skip_locked=True)
        row = session.exec(found).first()
        if row is None:
            return None
        row.status, row.heartbeat_at, row.started_at = "running", now(), row.started_at or now()
        session.add(row)
        return _claimed(row, session.get_one(Experiment, row.experiment_id))


def keep_alive(session: Session, claim: Claim) -> Claim:
    """Go on only where the batch is still ours. Raises StoppedError."""
    at = max(now(), claim.heartbeat + 1)
    values = {"id": claim.id, "at": at, "was": claim.heartbeat}
    if session.connection().execute(_TAKE, values).rowcount != 1:
        raise StoppedError(f"batch {claim.id} was cancelled, or is another process's now")
    return claim._replace(heartbeat=at)


def note_alive(engine: Engine, claim: Claim) -> Claim:
    """Tell others that the batch is being worked on. Raises StoppedError."""
    with transaction(engine) as session:
        return keep_alive(session, claim)


def note_progress(engine: Engine, claim: Claim) -> Claim:
    """Keep how far it came and what came of it, as the claim says. Raises StoppedError."""
    with transaction(engine) as session:
        kept = keep_alive(session, claim)
        row = session.get_one(DecisionBatch, claim.id)
        row.position = msgspec.json.encode({"after": claim.after, "files": claim.files}).decode()
        row.parts, row.done = len(claim.files), claim.done
        row.counts, row.report = dict(claim.counts), dict(claim.report)
        session.add(row)
        return kept


def note_total(engine: Engine, claim: Claim, total: int | None) -> Claim:
    """Keep how many units there are, as far as that is known. Raises StoppedError."""
    with transaction(engine) as session:
        kept = keep_alive(session, claim)
        row = session.get_one(DecisionBatch, claim.id)
        row.total = total
        session.add(row)
        return kept


def finish_batch(engine: Engine, claim: Claim, error: str | None = None) -> None:
    """It is done, or failed with a reason. Raises StoppedError where it was cancelled, or is another process's now."""
    with transaction(engine) as session:
        keep_alive(session, claim)
        row = session.get_one(DecisionBatch, claim.id)
        row.status, row.error, row.finished_at = ("done" if error is None else "failed"), error, now()
        row.total = row.done if error is None else row.total
        session.add(row)


def find_batch(session: Session, key: str, number: int) -> DecisionBatch:
    """Raises NotFoundError."""
    experiment = find(session, key)
    row = session.get(DecisionBatch, number)
    if row is None or row.experiment_id != experiment.id:
        raise NotFoundError(f"{key} has no batch {number}")
    return row


def file_below(folder: Path | None, name: str) -> Path:
    """The file of this name below the folder that batches may read. Raises InvalidError."""
    if folder is None:
        raise InvalidError([Fault("/file", "no folder is configured whose files batches may read (WINBACK_BATCH_DIR)")])
    try:
        base, path = folder.resolve(), (folder / name).resolve()
        sound = path.is_relative_to(base) and path.is_file() and path.suffix in SUFFIXES
    except (OSError, ValueError):
        sound = False
    if not sound:
        wanted = ", ".join(SUFFIXES)
        raise InvalidError([Fault("/file", f"there is no such file ({wanted}) in the folder that batches may read")])
    return path


def _claimed(row: DecisionBatch, experiment: Experiment) -> Claim:
    position: dict[str, Any] = msgspec.json.decode(row.position) if row.position else {"after": None, "files": []}
    asked: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.request.items()
    }
    request, number = BatchRequest(**asked), int(row.id or 0)
    return Claim(
        number,
        experiment.key,
        request,
        row.asked_at,
        position["after"],
        tuple(position["files"]),
        row.done,
        row.counts,
        row.report,
        int(row.heartbeat_at or 0),
        Order(experiment.salt, number) if request.shuffled else None,
    )


def _check(session: Session, experiment: Experiment, request: BatchRequest) -> None:
    if experiment.status in ("draft", "archived"):
        raise ConflictError(f"{experiment.key!r} is {experiment.status}: it decides nothing")
    by_caller = experiment.definition.get("clock") == "caller"
    if by_caller != (request.at is not None):
        what = "required: the experiment runs on the caller's clock" if by_caller else "only for the caller's clock"
        raise InvalidError([Fault("/at", what)])
    if request.at is not None:
        _check_clock(experiment, request.at)
    if request.segment is not None:
        find_segment(session, request.segment)


def _check_clock(experiment: Experiment, at: int) -> None:
    """Every row of a batch behind the clock would be refused, or answered by what was decided after its instant."""
    stands = experiment.clock_now
    if stands is not None and at < stands:
        raise ConflictError(
            f"the experiment's clock is at {to_rfc3339(stands)} and does not go back; ask for the batch at that "
            "instant or a later one"
        )
    check_jump(stands, at, now())


def _foreseen(engine: Engine, session: Session, experiment: Experiment, request: BatchRequest) -> BatchRequest:
    """In a random order where the experiment has totals, with a warning of each that may end inside the batch."""
    definition = Definition.model_validate(experiment.definition)
    limits = compile_limits(definition, int(experiment.id or 0), {})
    if limits is None or not limits.totals:
        return request
    try:
        many = count(engine, request)
    except (OSError, ArrowException):  # what is wrong with the file is said when it is read
        many = None
    return replace(request, shuffled=True, warnings=warnings_of(session.connection(), definition, limits, many))


def _fingerprint(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _kept(rows: tuple[Path, list[Assignment]], number: int, erased: set[str]) -> BatchRequest:
    """The rows on disk; of an erased person only that there was one."""
    folder = rows[0] / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "asked.jsonl"
    path.write_bytes(b"".join(b"\n" if row.unit_id in erased else msgspec.json.encode(row) + b"\n" for row in rows[1]))
    return BatchRequest(path=str(path.resolve()), fingerprint=_fingerprint(path), assignments=len(rows[1]))
