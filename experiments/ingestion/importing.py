"""Import: a source, read in batches, checked row by row, kept batch by batch; see docs/importing.md.

Each batch is one transaction together with the position after it, so that an import that is cut off at any instant
goes on with nothing lost and nothing twice.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from sqlalchemy import Engine

from experiments.connectors import Batch, Connector, Source, open_source
from experiments.connectors.connector import unreadable
from experiments.ingestion.importing_fields import KINDS
from experiments.ingestion.importing_plan import Plan, Wish, plan_columns
from experiments.ingestion.importing_rejects import Rejects
from experiments.ingestion.importing_rows import Read, RowReader
from experiments.ingestion.importing_sinks import SINKS, Stored, WorkerContext
from experiments.model.access.principal import Principal
from experiments.model.history import HISTORY
from experiments.model.times import now, to_rfc3339
from experiments.services.importing import (
    Opening,
    Run,
    begin_import,
    finish_import,
    last_watermark,
    put_progress,
    source_alone,
)
from experiments.store.units.activity import open_duckdb

_NOTHING = Read(pa.table({}), pa.table({}), pa.table({}))
SHOWN = 5
"""Rows that a dry run shows as they would be kept."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be imported: a kind, from a source, by a mapping; `rejects` is the file of rejected rows."""

    kind: str
    source: Source
    wish: Wish = field(default_factory=Wish)
    rejects: Path | None = None


@dataclass(slots=True)
class Report:
    """What came of it. `already`: this very content was imported before; `resumed`: the import was begun before."""

    kind: str
    source: str
    read: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    resumed: bool = False
    already: bool = False
    columns: dict[str, Any] = field(default_factory=dict)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    rejects: str | None = None
    classes: dict[str, int] = field(default_factory=dict)
    watermark: Any = None
    rows: list[dict[str, Any]] = field(default_factory=list)


class Progress(Protocol):
    """Told after each batch: rows read, and how far the source is, in its own unit."""

    def __call__(self, rows: int, done: int, total: int | None, /) -> None:
        """Show it."""
        ...


@dataclass(frozen=True, slots=True)
class Importer:
    """Imports into one service."""

    engine: Engine
    folder: Path
    principal: Principal

    def preview(self, order: Order) -> Report:
        """What an import would take the columns for, and its first rows; nothing is written."""
        connector = self._open(order)
        first = _first(connector)
        with open_duckdb(self.folder, ordered=True) as duck:
            plan = plan_columns(duck, order.kind, first.table, order.wish)
            read = RowReader(duck, plan, now()).read(first.table)
        reasons = Counter(read.rejects["reason"].to_pylist()) + Counter(each.reason for each in first.malformed)
        return Report(
            order.kind,
            connector.label,
            read=first.table.num_rows + len(first.malformed),
            accepted=read.rows.num_rows,
            rejected=sum(reasons.values()),
            columns=described(plan),
            reasons=[{"reason": reason, "rows": count} for reason, count in reasons.most_common(20)],
            rows=[_shown(row) for row in read.rows.slice(0, SHOWN).to_pylist()],
        )

    def run(self, order: Order, progress: Progress = lambda _rows, _done, _total: None) -> Report:
        """Import. Raises ForbiddenError, InvalidError for what cannot be read, ConflictError where it is under way."""
        since = last_watermark(self.engine, self.principal, self._key(order, None))
        connector = self._open(replace(order, source=replace(order.source, since=since)))
        key = self._key(order, connector.fingerprint)
        with source_alone(self.folder, key), open_duckdb(self.folder, ordered=True) as duck:
            first = _first(connector)
            if not first.table.num_columns and not first.malformed:
                return Report(order.kind, connector.label, watermark=since)
            plan = plan_columns(duck, order.kind, first.table, order.wish)
            opening = Opening(
                order.kind, connector.label, key, connector.fingerprint, connector.resumable, plan.as_json()
            )
            begun = begin_import(self.engine, self.principal, opening)
            if begun.done:
                return _report(begun, order.kind, connector.label, plan, already=True)
            plan = Plan.from_json(begun.mapping)
            work = _Work(self, order, begun, plan, RowReader(duck, plan, now()))
            work.take_all(self._open(replace(order, source=replace(order.source, since=since))), progress)
            finished = finish_import(self.engine, self.principal, self.folder, begun.id, plan.identified)
            return work.report(finished, connector.label)

    def _open(self, order: Order) -> Connector:
        if order.kind not in KINDS:
            raise unreadable(f"{order.kind!r} cannot be imported; known: {', '.join(KINDS)}", "/kind")
        return open_source(order.source)

    def _key(self, order: Order, fingerprint: str | None) -> str:
        """The same for the same content read in the same way; without a fingerprint, for the same place."""
        source, wish = order.source, order.wish
        place = fingerprint or [source.address, source.query]
        way = [source.watermark, source.delimiter, source.header, dict(wish.mapping), dict(wish.constants)]
        written = json.dumps([order.kind, place, way, wish.time_form], sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()


class _Work:
    """One import under way."""

    def __init__(self, importer: Importer, order: Order, run: Run, plan: Plan, reader: RowReader) -> None:
        self._importer, self._run, self._plan, self._reader = importer, run, plan, reader
        kept = run.position.get("rejects") or {}
        path = Path(kept.get("path") or order.rejects or f"{Path(run_name(order)).name}.rejected.csv")
        self._rejects = Rejects(path, int(kept.get("size", 0)))
        self._parts = run.parts
        self._classes: Counter[str] = Counter()
        self._read = run.counts["read"]

    def take_all(self, connector: Connector, progress: Callable[[int, int, int | None], None]) -> None:
        """Read from where the last commit left off."""
        start = {name: value for name, value in self._run.position.items() if name != "rejects"}
        for batch in connector.batches(start):
            self._take(batch)
            progress(self._read, batch.done, batch.total)

    def _take(self, batch: Batch) -> None:
        read = self._reader.read(batch.table) if batch.table.num_columns else _NOTHING
        stored = self._store(read.rows)
        refused = self._rejects.add(batch.table.column_names, list(_rejected(read, stored)), batch.malformed)
        rows = batch.table.num_rows + len(batch.malformed)
        self._read += rows
        counts = {"read": rows, "accepted": stored.kept, "rejected": refused, "duplicates": stored.repeated}
        position = {**batch.position, "rejects": {"path": str(self._rejects.path), "size": self._rejects.size}}
        put_progress(self._importer.engine, self._importer.principal, self._run.id, (position, counts), stored.part)
        self._parts += stored.part is not None
        self._classes.update(stored.classes)

    def _store(self, rows: pa.Table) -> Stored:
        if not rows.num_rows:
            return Stored(0, {})
        importer = self._importer
        worker = WorkerContext(
            importer.engine, importer.principal, importer.folder, self._plan, (self._run.id, self._parts)
        )
        return SINKS[self._plan.kind](worker, rows)

    def report(self, finished: Run, label: str) -> Report:
        """What came of it."""
        found = _report(finished, self._plan.kind, label, self._plan, already=False)
        found.resumed = self._run.resumed
        found.reasons = self._rejects.most_common()
        found.rejects = str(self._rejects.path) if self._rejects.size else None
        found.classes = dict(self._classes)
        return found


def run_name(order: Order) -> str:
    """What the file of rejected rows is called after: the file, or the kind where there is none."""
    return order.kind if "://" in order.source.address else order.source.address


def described(plan: Plan) -> dict[str, Any]:
    """The plan for people: field → its column and what it is read as."""
    found = {}
    for name, each in {**plan.fields, **plan.features}.items():
        reading = f"{each.reading} ({each.form})" if each.form else each.reading
        found[name] = {"column": each.column, "constant": each.constant, "type": reading}
    return found


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a person reads it: times written out, without the key that is ours."""
    shown = {name: value for name, value in row.items() if name != "event_key"}
    if shown.get("occurred_at") is not None:
        shown["occurred_at"] = to_rfc3339(shown["occurred_at"])
    return shown


def _first(connector: Connector) -> Batch:
    """The first batch with columns, for types to be inferred from."""
    empty = Batch(pa.table({}), {})
    for batch in connector.batches({}):
        if batch.table.num_columns:
            return batch
        empty = batch
    return empty


def _rejected(read: Read, stored: Stored) -> Iterator[dict[str, Any]]:
    """The rows that were refused when read, and those that were refused when stored, as they came."""
    yield from read.rejects.to_pylist()
    refused = read.source.take(list(stored.refused)) if stored.refused else read.source.slice(0, 0)
    for row, reason in zip(refused.to_pylist(), stored.refused.values(), strict=True):
        yield {**row, "reason": reason}


def _report(run: Run, kind: str, label: str, plan: Plan, *, already: bool) -> Report:
    counts: dict[str, Any] = dict(run.counts)
    return Report(
        kind,
        label,
        **counts,
        already=already,
        columns=described(plan),
        watermark=run.position.get("watermark") if kind in HISTORY or plan.watermark else None,
    )
