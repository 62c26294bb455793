"""How the columns of a source become fields: mapped by name or by hand, types inferred from its first rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from experiments.connectors.connector import unreadable
from experiments.ingestion.importing_fields import KINDS, Field
from experiments.ingestion.importing_times import NUMERIC_TIMES, TEXT_TIMES, best_time

SAMPLE = 20_000
"""Rows that types are inferred from."""


@dataclass(frozen=True, slots=True)
class Column:
    """Where a field comes from: a column read as `reading` (for times in a `form`), or a constant."""

    reading: str
    column: str | None = None
    form: str = ""
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole mapping; kept with the import, so that one that goes on reads as it began.

    Attributes:
        fields: field → where it comes from.
        features: for units, feature → its column; `reading` is number, truth or text.
        watermark: column that tells otherwise equal rows apart.
    """

    kind: str
    fields: dict[str, Column]
    features: dict[str, Column] = field(default_factory=dict)
    watermark: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For the database."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Plan":
        """The inverse of `as_json`."""
        fields, features = (
            {name: Column(**each) for name, each in kept[part].items()} for part in ("fields", "features")
        )
        return cls(kept["kind"], fields, features, kept["watermark"])

    @property
    def identified(self) -> bool:
        """Whether events have ids of their own."""
        return "event_id" in self.fields


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller says of the columns: `mapping` column → field (empty: leave it out), constants, form of times."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    time_form: str | None = None
    watermark: str | None = None


def plan_columns(duck: duckdb.DuckDBPyConnection, kind: str, sample: pa.Table, wish: Wish) -> Plan:
    """The plan for a source that begins with these rows. Raises InvalidError with the remedy."""
    sources = _sources(kind, sample.column_names, wish)
    duck.register("sample", sample.slice(0, SAMPLE))
    try:
        fields = {
            name: _column(duck, KINDS[kind][name], sources[name], wish) for name in KINDS[kind] if name in sources
        }
        fields |= {name: Column(KINDS[kind][name].reading, None, "", text) for name, text in wish.constants.items()}
        features = _features(duck, sample, wish, set(sources.values())) if kind == "units" else {}
    finally:
        duck.unregister("sample")
    missing = [name for name, each in KINDS[kind].items() if each.required and name not in fields]
    if missing:
        names = ", ".join(sample.column_names)
        told, maps = " or the ".join(missing), " and ".join(f"--map COLUMN={name}" for name in missing)
        raise unreadable(f"no column is the {told}: say which with {maps}; there are: {names}")
    if kind == "outcomes" and not {"unit_id", "decision_id"} & fields.keys():
        raise unreadable("an outcome needs unit_id or decision_id: say which with --map COLUMN=unit_id")
    return Plan(kind, fields, features, wish.watermark)


def quoted(name: str) -> str:
    """A name as DuckDB reads it."""
    return '"' + name.replace('"', '""') + '"'


def _sources(kind: str, names: list[str], wish: Wish) -> dict[str, str]:
    """Field → column: what was said by hand first, then equal names, then usual ones."""
    known = KINDS[kind]
    for column, target in wish.mapping.items():
        if column not in names:
            raise unreadable(f"there is no column {column!r}; there are: {', '.join(names)}", "/map")
        if target and target not in known and kind != "units":
            raise unreadable(f"{kind} have no field {target!r}; they have: {', '.join(known)}", "/map")
    for name in wish.constants:
        if name not in known:
            raise unreadable(f"{kind} have no field {name!r}; they have: {', '.join(known)}", "/set")
    found = {target: column for column, target in wish.mapping.items() if target in known}
    free = {name.lower(): name for name in reversed(names) if name not in wish.mapping}
    for field_name, each in known.items():
        for alias in (field_name, *each.aliases):
            if field_name not in found and field_name not in wish.constants and alias in free:
                found[field_name] = free.pop(alias)
    return found


def _column(duck: duckdb.DuckDBPyConnection, field_of: Field, column: str, wish: Wish) -> Column:
    if field_of.reading != "time":
        return Column(field_of.reading, column)
    if wish.time_form is not None:
        known = {**NUMERIC_TIMES, **TEXT_TIMES}
        form = wish.time_form
        if form not in known and "%" not in form:
            raise unreadable(f"{form!r} is neither one of {', '.join(known)} nor a pattern as %d.%m.%Y", "/time-format")
        return Column("time", column, form)
    return Column("time", column, best_time(duck, column))


def _features(duck: duckdb.DuckDBPyConnection, sample: pa.Table, wish: Wish, taken: set[str]) -> dict[str, Column]:
    """Every other column, as a number or a truth value where all of the sample's values are one, else as text."""
    found = {}
    for column in sample.column_names:
        name = wish.mapping.get(column, column)
        if column in taken or not name:
            continue
        text = f"nullif(trim({quoted(column)}::VARCHAR), '')"
        numbers, truths, some = duck.execute(
            f"SELECT count(*) FILTER ({text} IS NOT NULL AND try_cast({text} AS DOUBLE) IS NULL) = 0, "  # noqa: S608
            f"count(*) FILTER ({text} IS NOT NULL AND lower({text}) NOT IN ('true', 'false')) = 0, "
            f"count({text}) > 0 FROM sample"
        ).fetchall()[0]
        found[name] = Column("text" if not some else "truth" if truths else "number" if numbers else "text", column)
    return found
