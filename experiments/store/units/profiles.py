"""Profiles of units in the database: many in one statement, and facts beside them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session

from experiments.store.core.bulk import is_sqlite

# A merge follows RFC 7396 on both databases: null takes a feature out.
_SQLITE = """
INSERT INTO units (unit_id, profile, updated_at) VALUES (?, ?, ?)
ON CONFLICT (unit_id) DO UPDATE SET profile = {merged}, updated_at = excluded.updated_at
"""
_POSTGRES = """
INSERT INTO units (unit_id, profile, updated_at) SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])
ON CONFLICT (unit_id) DO UPDATE SET profile = {merged}, updated_at = excluded.updated_at
"""
_MERGED = {
    "sqlite": "json_patch(units.profile, excluded.profile)",
    "postgresql": "jsonb_strip_nulls(units.profile::jsonb || excluded.profile::jsonb)::text",
}
_PUT_FACTS = {
    "sqlite": """
INSERT INTO units (unit_id, profile, updated_at, facts, facts_at) VALUES (?, '{}', ?, ?, ?)
ON CONFLICT (unit_id) DO UPDATE SET facts = excluded.facts, facts_at = excluded.facts_at
""",
    "postgresql": """
INSERT INTO units (unit_id, profile, updated_at, facts, facts_at)
SELECT u.unit_id, '{}', u.at, u.facts, u.facts_at
FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bigint[]) AS u(unit_id, at, facts, facts_at) ORDER BY 1
ON CONFLICT (unit_id) DO UPDATE SET facts = excluded.facts, facts_at = excluded.facts_at
""",
}


def put_profiles(session: Session, profiles: Mapping[str, Mapping[str, Any]], at: int, *, merge: bool = False) -> None:
    """Replace the profiles of units, or merge into them what is given."""
    # In one order, so that two who write the same units do not lock each other out.
    rows = [(unit, _written(profiles[unit]), at) for unit in sorted(profiles)]
    _write(session, {"sqlite": _SQLITE, "postgresql": _POSTGRES}, rows, merge)


def put_facts(session: Session, facts: Sequence[tuple[str, str]], at: int) -> None:
    """Keep what the history of units comes down to, as of an instant; a unit without a profile gets an empty one."""
    rows = [(unit, at, text, at) for unit, text in facts]
    _write(session, _PUT_FACTS, rows, None)


def _write(
    session: Session, statements: Mapping[str, str], rows: Sequence[tuple[Any, ...]], merge: bool | None
) -> None:
    connection = session.connection()
    dialect = connection.dialect.name
    statement = statements[dialect]
    if merge is not None:
        statement = statement.format(merged=_MERGED[dialect] if merge else "excluded.profile")
    if is_sqlite(connection):
        connection.exec_driver_sql(statement, list(rows))
    else:
        connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))


def _written(profile: Mapping[str, Any]) -> str:
    return json.dumps(dict(profile), separators=(",", ":"), ensure_ascii=False)
