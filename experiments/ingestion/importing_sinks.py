"""What becomes of rows that were read: events into the history, outcomes to the recorder, profiles to the units."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from sqlalchemy import Engine

from experiments.ingestion.importing_plan import Plan
from experiments.ingestion.importing_rows import as_events
from experiments.model.access.principal import Principal, require
from experiments.model.designing.wording import in_words
from experiments.model.history import IMPORTED
from experiments.model.times import to_datetime
from experiments.services.importing import put_events, without_erased
from experiments.services.profiling import MOST_AT_ONCE, store_good_profiles
from experiments.services.recording.intake import Intake
from experiments.services.recording.messages import Outcome
from experiments.services.recording.reading import Report, read_outcome


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What sinks write with. `run` is the import's number and that of its next part."""

    engine: Engine
    principal: Principal
    folder: Path
    plan: Plan
    run: tuple[int, int]


class Stored(NamedTuple):
    """What came of a batch: rows kept, places of rows that were refused and why, repetitions, the part that was
    written, and for outcomes how many of each class."""

    kept: int
    refused: dict[int, str]
    repeated: int = 0
    part: tuple[str, pa.Table] | None = None
    classes: Mapping[str, int] = MappingProxyType({})


def put_history(worker: WorkerContext, rows: pa.Table) -> Stored:
    """Events as one part; what the history holds already is found at the end of the import."""
    events = without_erased(worker.engine, as_events(worker.plan.kind, rows))
    path = put_events(worker.engine, worker.principal, worker.folder, worker.run, events)
    erased = rows.num_rows - events.num_rows
    classes = {"erased": erased} if erased else {}
    return Stored(events.num_rows, {}, part=None if path is None else (path, events), classes=classes)


def put_outcomes(worker: WorkerContext, rows: pa.Table) -> Stored:
    """Outcomes as the API takes them: classified, unique by (source, event_id)."""
    require(worker.principal, "outcomes")
    intake = Intake(worker.engine)
    refused: dict[int, str] = {}
    classes: Counter[str] = Counter()
    for start, chunk in _chunks(rows):
        reports: list[Report] = []
        for place, row in enumerate(chunk, start):
            report = _report(row)
            if isinstance(report, str):
                refused[place] = report
            else:
                reports.append(report)
        classes.update(intake.take(reports) if reports else [])
    repeated = classes["duplicate"]
    return Stored(classes.total() - repeated - classes["erased"], refused, repeated, classes=classes)


def put_units(worker: WorkerContext, rows: pa.Table) -> Stored:
    """Profiles; what a unit has beyond the columns of this source stays."""
    refused: dict[int, str] = {}
    erased = 0
    for start, chunk in _chunks(rows):
        profiles = [(row.pop("unit_id"), _features(row)) for row in chunk]
        faults, gone = store_good_profiles(worker.engine, worker.principal, profiles, merge=True)
        erased += sum(unit in gone for unit, _ in profiles)
        for place, found in enumerate(faults, start):
            if found:
                refused[place] = "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in found)
    return Stored(rows.num_rows - len(refused) - erased, refused, classes={"erased": erased} if erased else {})


SINKS: dict[str, Callable[[WorkerContext, pa.Table], Stored]] = {
    **dict.fromkeys(IMPORTED, put_history),
    "outcomes": put_outcomes,
    "units": put_units,
}
"""By kind."""


def _chunks(rows: pa.Table) -> Iterator[tuple[int, Sequence[dict[str, Any]]]]:
    for start in range(0, rows.num_rows, MOST_AT_ONCE):
        yield start, rows.slice(start, MOST_AT_ONCE).to_pylist()


def _report(row: dict[str, Any]) -> Report | str:
    given = {name: value for name, value in row.items() if value is not None}
    given["occurred_at"] = to_datetime(given["occurred_at"])
    try:
        read = read_outcome(msgspec.convert(given, Outcome))
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$.")
        return f"{path.removesuffix('`') or 'row'}: {in_words(sentence)}"
    if isinstance(read, Report):
        return read
    return "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in read)


def _features(row: dict[str, Any]) -> dict[str, Any]:
    """Whole numbers as such: 3 orders, not 3.0."""
    return {name: int(value) if _is_whole(value) else value for name, value in row.items()}


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < 2**53
