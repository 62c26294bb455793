"""Batches of a source as events: read by the plan, checked row by row, in one vectorised statement."""

from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from experiments.ingestion.importing_fields import KINDS
from experiments.ingestion.importing_plan import Column, Plan, quoted
from experiments.ingestion.importing_times import time_expression
from experiments.model.deciding.decisions import MAX_INSTANT
from experiments.model.history import HISTORY
from experiments.model.times import HOUR
from experiments.model.units import MAX_UNIT_ID

_TRUE, _FALSE = "('true', 't', 'yes', 'y', '1', '1.0')", "('false', 'f', 'no', 'n', '0', '0.0')"
_NO_VALUE = "('NA', 'N/A', 'None', 'null', 'NULL', 'NaN', 'nan', '-')"
_FUTURE = HOUR


class Read(NamedTuple):
    """A batch, read: good rows by field, the same rows as they came, and the other rows as they came, with `reason`."""

    rows: pa.Table
    source: pa.Table
    rejects: pa.Table


class RowReader:
    """Reads batches by one plan. `now` is the instant of the import: what lies an hour after it or more is refused."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, plan: Plan, now: int) -> None:
        self._duck, self._plan, self._now = duck, plan, now

    def read(self, table: pa.Table) -> Read:
        """The rows of a batch. A column that the plan knows and the batch lacks is missing in all of its rows."""
        needed = [each.column for each in self._columns() if each.column is not None]
        if self._plan.watermark is not None:
            needed.append(self._plan.watermark)
        for name in dict.fromkeys(needed):
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
        self._duck.register("batch", table)
        try:
            found: pa.Table = self._duck.sql(self._statement()).to_arrow_table()
        finally:
            self._duck.unregister("batch")
        reason = found["reason"].combine_chunks()
        good = pc.equal(reason, "")
        kept = found.drop_columns(["reason"]).filter(good)
        bad = pc.invert(good)
        rejects = table.filter(bad).append_column("reason", pc.filter(reason, bad))
        return Read(kept, table.filter(good), rejects)

    def _columns(self) -> list[Column]:
        return [*self._plan.fields.values(), *self._plan.features.values()]

    def _statement(self) -> str:
        plan, known = self._plan, KINDS[self._plan.kind]
        texts = {name: text_of(each) for name, each in plan.fields.items()}
        values = {name: value_of(texts[name], each) for name, each in plan.fields.items()}
        reasons = [reason for name in values for reason in self._faults(name, known[name].required)]
        features = [f"{value_of(text_of(each), each)} AS {quoted(name)}" for name, each in plan.features.items()]
        selected = [f"{value} AS {name}" for name, value in values.items()]
        inner = ", ".join([*selected, *features, *self._key(texts), *self._raw(texts)])
        outer = ", ".join([*values, *(quoted(name) for name in plan.features), *self._extra()])
        return (
            f"SELECT {outer}, concat_ws('; ', {', '.join(reasons)}) AS reason "  # noqa: S608 - names are quoted
            f"FROM (SELECT {inner} FROM batch)"
        )

    def _raw(self, texts: dict[str, str]) -> list[str]:
        return [f"{text} AS raw_{name}" for name, text in texts.items()]

    def _extra(self) -> list[str]:
        return ["event_key"] if self._plan.kind in HISTORY else []

    def _key(self, texts: dict[str, str]) -> list[str]:
        """What makes an event itself: its id, or else everything that is known of it."""
        if self._plan.kind not in HISTORY:
            return []
        parts = [texts["event_id"]] if self._plan.identified else list(texts.values())
        if self._plan.watermark is not None and not self._plan.identified:
            parts.append(f"{quoted(self._plan.watermark)}::VARCHAR")
        written = " || chr(31) || ".join(f"coalesce({part}, chr(30))" for part in parts)
        return [f"md5_number_lower({written}) AS event_key"]

    def _faults(self, name: str, required: bool) -> list[str]:
        reading = self._plan.fields[name].reading
        found = []
        if required:
            found.append(f"CASE WHEN raw_{name} IS NULL THEN '{name}: missing' END")
        if reading != "text":
            what = {"time": "time", "number": "number", "truth": "truth value"}[reading]
            found.append(
                f"CASE WHEN raw_{name} IS NOT NULL AND {name} IS NULL "
                f"THEN '{name}: ' || left(raw_{name}, 80) || ' is not a {what}' END"
            )
        if reading == "time":
            found.append(f"CASE WHEN {name} > {self._now + _FUTURE} THEN '{name}: lies in the future' END")
            found.append(f"CASE WHEN {name} < 0 OR {name} >= {MAX_INSTANT} THEN '{name}: lies before 1970' END")
        if reading == "text":
            found.append(f"CASE WHEN length({name}) > {MAX_UNIT_ID} THEN '{name}: too long' END")
            found.append(f"CASE WHEN contains({name}, chr(65533)) THEN '{name}: is not UTF-8' END")
        return found


def text_of(each: Column) -> str:
    """SQL for the text of a column, NULL where empty."""
    if each.column is None:
        return "'" + str(each.constant).replace("'", "''") + "'"
    text = f"nullif(trim({quoted(each.column)}::VARCHAR), '')"
    if each.reading in ("number", "time", "truth"):
        return f"CASE WHEN {text} IN {_NO_VALUE} THEN NULL ELSE {text} END"
    return text


def value_of(text: str, each: Column) -> str:
    """SQL for the value that a text means, NULL where it means none."""
    if each.reading == "time":
        return time_expression(text, each.form)
    if each.reading == "number":
        return f"CASE WHEN isfinite(try_cast({text} AS DOUBLE)) THEN try_cast({text} AS DOUBLE) END"
    if each.reading == "truth":
        return f"CASE WHEN lower({text}) IN {_TRUE} THEN true WHEN lower({text}) IN {_FALSE} THEN false END"
    return text


def as_events(kind: str, rows: pa.Table) -> pa.Table:
    """Rows with the columns of a kind's history, in its order and types; what is not mapped is empty."""
    schema = HISTORY[kind]
    columns = [
        rows[name].cast(schema.field(name).type) if name in rows.column_names else pa.nulls(len(rows), field.type)
        for name, field in zip(schema.names, schema, strict=True)
    ]
    return pa.table(columns, schema=schema)
