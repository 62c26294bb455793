"""Members that another targeting system gives."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.errors import ConflictError, Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.segments import Segment, SegmentMember
from experiments.model.times import SECOND, now
from experiments.model.units import unit_id_faults
from experiments.services.segmenting.rule import MEMBER
from experiments.services.segmenting.segmenter import Assigned
from experiments.store.core.engine import reading, transaction
from experiments.store.segments import Move, find_segment, members, moves, write_moves

MOST_AT_ONCE = 10_000
COUNTED_WITHIN = 600 * SECOND
"""Sizes follow single changes by this much; counting reads all members."""

_ROWS = 128


def set_members(engine: Engine, principal: Principal, key: str, wanted: Mapping[str, str | None]) -> tuple[int, int]:
    """Give units their values in an external segment (None: it leaves); how many changed, and how many did not because
    they are erased persons'.

    Whoever is not named stays as it is. Written in short transactions: a call that was cut off is simply repeated.
    Raises ForbiddenError, NotFoundError, ConflictError, InvalidError.
    """
    require(principal, "outcomes")
    _check(wanted)
    segment = _external(engine, key)
    changed, erased, units = 0, 0, sorted(wanted)
    for start in range(0, len(units), _ROWS):
        moved, refused = _write(engine, segment, {unit: wanted[unit] for unit in units[start : start + _ROWS]})
        changed, erased = changed + moved, erased + refused
    if changed:
        _count_by(engine, segment, now() + COUNTED_WITHIN)
    return changed, erased


def replace_members(
    engine: Engine,
    principal: Principal,
    key: str,
    table: tuple[Path, pa.Table],
    progress: Callable[[int, int], None],
) -> int:
    """Make the members exactly those of a table (unit_id, value, features), without erased persons; how many changed.
    Raises as above.

    `table` comes with the folder that may be spilled into.
    """
    require(principal, "outcomes")
    segment, (folder, new) = _external(engine, key), table
    done = changed = 0
    with moves(folder, members(engine, segment[0]), new) as (count, found):
        chunk: list[Move] = []
        for move in found:
            chunk.append(move)
            if len(chunk) == _ROWS or done + len(chunk) == count:
                changed += len(chunk) - _keep(engine, segment, chunk)
                done += len(chunk)
                chunk = []
                progress(done, count)
    _count_by(engine, segment, now())
    return changed


def members_of_file(source: Path) -> pa.Table:
    """The members that a CSV or Parquet file names: `unit_id`, and `value` ("member" where there is none).

    Of a unit that is there twice the last row counts. Raises InvalidError with the faults of the first rows.
    """
    import duckdb

    reader = "read_parquet" if source.suffix == ".parquet" else "read_csv"
    options = "" if source.suffix == ".parquet" else ", all_varchar = true"
    with duckdb.connect() as duck:
        try:
            relation = duck.sql(f"SELECT * FROM {reader}(?{options})", params=[str(source)])  # noqa: S608 - ours
            columns = relation.columns
            table = relation.to_arrow_table()
        except duckdb.Error as error:
            raise InvalidError([Fault("", f"{source.name} cannot be read: {error}")]) from error
    if "unit_id" not in columns:
        raise InvalidError([Fault("", f"{source.name} has no column unit_id; it has {', '.join(columns)}")])
    units = table["unit_id"].cast(pa.string()).to_pylist()
    values = table["value"].cast(pa.string()).to_pylist() if "value" in columns else [None] * len(units)
    wanted = {unit or "": value or MEMBER for unit, value in zip(units, values, strict=True)}
    _check(wanted)
    return Assigned(pa.array(list(wanted), pa.string()), list(wanted.values())).table()


def _external(engine: Engine, key: str) -> tuple[int, str]:
    with reading(engine) as session:
        row = find_segment(session, key)
    if row.kind != "external":
        raise ConflictError(
            f"{key!r} is of the kind {row.kind} and makes its members itself; only an external segment takes them"
        )
    return int(row.id or 0), key


def _write(engine: Engine, segment: tuple[int, str], wanted: Mapping[str, str | None]) -> tuple[int, int]:
    with reading(engine) as session:
        among = col(SegmentMember.unit_id).in_(list(wanted))
        found = session.exec(select(SegmentMember).where(SegmentMember.segment_id == segment[0], among)).all()
    old = {row.unit_id: row.value for row in found}
    chunk = [Move(unit_id, old.get(unit_id), value) for unit_id, value in wanted.items() if old.get(unit_id) != value]
    erased = _keep(engine, segment, chunk) if chunk else 0
    return len(chunk) - erased, erased


def _keep(engine: Engine, segment: tuple[int, str], chunk: Sequence[Move]) -> int:
    with transaction(engine) as session:
        row = session.get(Segment, segment[0])
        if row is None or row.dropped_at is not None:
            raise ConflictError(f"segment {segment[1]!r} was dropped meanwhile")
        return write_moves(session, segment, chunk, now())


def _count_by(engine: Engine, segment: tuple[int, str], at: int) -> None:
    """Let the worker count the sizes by then."""
    with transaction(engine) as session:
        row = session.get(Segment, segment[0])
        if row is not None and row.dropped_at is None and (row.due_at is None or row.due_at > at):
            row.due_at = at
            session.add(row)


def _check(wanted: Mapping[str, str | None]) -> None:
    faults = []
    for unit_id, value in wanted.items():
        faults += unit_id_faults(unit_id)
        if value is not None and not (1 <= len(value) <= 100 and "\0" not in value):
            faults.append(Fault("/members", f"the value of {unit_id[:80]!r} must have 1 to 100 characters"))
    if faults:
        raise InvalidError(faults[:1000])
