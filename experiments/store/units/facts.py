"""Facts of units from their history, by DuckDB: every event before an instant, and nothing after it."""

from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bandit.history import DAY, VERSION, FactColumns
from bandit.history.facts import BAND_EDGES, KEPT_DAYS, DayColumns, Numbers, band_name

_BATCH = 16_384

# What was known before the instant. `responses` are the service's own decisions, known when they matured.
_SEEN = "occurred_at < {at}{among}"

_FACTS = """
WITH
own_activity AS (
  SELECT unit_id, min(occurred_at) AS first, max(occurred_at) AS last FROM activity WHERE {seen} GROUP BY unit_id),
active AS (
  SELECT unit_id, list({{'day': day, 'count': n}}) AS days FROM (
    SELECT unit_id, occurred_at // {day} AS day, count(*) AS n FROM activity
    WHERE {seen} AND occurred_at >= {at} - {kept} GROUP BY ALL)
  GROUP BY unit_id),
paid_days AS (
  SELECT unit_id, occurred_at // {day} AS day, count(*) AS n, sum(amount) AS amount,
    min(occurred_at) AS first, max(occurred_at) AS last
  FROM payments WHERE {seen} GROUP BY ALL),
own_payments AS (
  SELECT unit_id, sum(n)::BIGINT AS payments, round(sum(amount), 6) AS paid, min(first) AS first, max(last) AS last,
    CASE WHEN count(*) > 1 THEN (max(day) - min(day)) * {day}::DOUBLE / (count(*) - 1) END AS gap,
    list({{'day': day, 'count': n, 'amount': round(amount, 6)}})
      FILTER (day >= ({at} - {kept}) // {day}) AS days
  FROM paid_days GROUP BY unit_id),
met AS (
  SELECT unit_id, occurred_at, event_type, coalesce(reward_amount, 0) AS amount,
    coalesce(responded, true) AS responded, coalesce(redeemed, false) AS redeemed, true AS imported
  FROM participation WHERE {seen}
  UNION ALL
  SELECT unit_id, occurred_at, event_type, coalesce(reward_amount, 0), responded, false, false
  FROM responses WHERE {seen}),
by_both AS (
  SELECT unit_id, event_type, {band} AS band, count(*) AS offers, count(*) FILTER (responded) AS responses,
    count(*) FILTER (responded AND amount > 0) AS received, count(*) FILTER (redeemed) AS redeemed,
    min(occurred_at) FILTER (responded AND imported) AS first,
    max(occurred_at) FILTER (responded AND imported) AS last, max(occurred_at) AS seen
  FROM met GROUP BY ALL),
own_offers AS (
  SELECT unit_id, sum(offers)::BIGINT AS offers, sum(responses)::BIGINT AS responses, sum(received)::BIGINT AS received,
    sum(redeemed)::BIGINT AS redeemed, min(first) AS first, max(last) AS last, max(seen) AS seen
  FROM by_both GROUP BY unit_id),
by_event AS (
  SELECT unit_id, map(list(event_type), list([offers, responses])) AS rates FROM (
    SELECT unit_id, event_type, sum(offers)::BIGINT AS offers, sum(responses)::BIGINT AS responses
    FROM by_both WHERE event_type IS NOT NULL GROUP BY ALL)
  GROUP BY unit_id),
by_band AS (
  SELECT unit_id, map(list(band), list([offers, responses])) AS rates FROM (
    SELECT unit_id, band, sum(offers)::BIGINT AS offers, sum(responses)::BIGINT AS responses FROM by_both GROUP BY ALL)
  GROUP BY unit_id),
not_contacted AS (
  SELECT event_key, max(occurred_at) AS voided_at FROM voids WHERE {seen} GROUP BY event_key),
contact_days AS (
  SELECT unit_id, occurred_at // {day} AS day, count(*) FILTER (voided_at IS NULL) AS n,
    max(occurred_at) FILTER (voided_at IS NULL) AS last, max(greatest(occurred_at, voided_at)) AS seen
  FROM contacts LEFT JOIN not_contacted USING (event_key) WHERE {seen} GROUP BY ALL),
own_contacts AS (
  SELECT unit_id, max(last) AS last, max(seen) AS seen,
    list({{'day': day, 'count': n}}) FILTER (n > 0 AND day >= ({at} - {kept}) // {day}) AS days
  FROM contact_days GROUP BY unit_id)
SELECT unit_id, {version} AS version,
  greatest(a.last, p.last, o.seen, c.seen) AS seen,
  least(a.first, p.first, o.first) AS first,
  greatest(a.last, p.last, o.last) AS last,
  {active} AS active,
  coalesce(p.payments, 0) AS payments, coalesce(p.paid, 0) AS paid, p.first AS first_payment,
  p.last AS last_payment, p.gap AS gap,
  {paid_days} AS paid_days,
  o.offers AS offers, o.responses AS responses, o.received AS received, o.redeemed AS redeemed,
  by_event.rates AS by_event, by_band.rates AS by_band,
  c.last AS last_contact,
  {contacted} AS contacted
FROM own_activity AS a FULL JOIN own_payments AS p USING (unit_id) FULL JOIN own_offers AS o USING (unit_id)
FULL JOIN own_contacts AS c USING (unit_id) LEFT JOIN active USING (unit_id)
LEFT JOIN by_event USING (unit_id) LEFT JOIN by_band USING (unit_id)
"""


def facts(duck: duckdb.DuckDBPyConnection, at: int, among: str | None = None) -> duckdb.DuckDBPyRelation:
    """One row per unit with the columns of UnitFacts, from the views of `store.activity.history`.

    Args:
        at: only events before this instant (microseconds) count.
        among: a view or table with a column `unit_id`, where not all units are wanted.
    """
    return duck.sql(_statement(at, among))


def facts_json(duck: duckdb.DuckDBPyConnection, at: int, among: str | None = None) -> Iterator[list[tuple[str, str]]]:
    """(unit, facts as JSON of UnitFacts) in batches: what is stored beside profiles."""
    plain = [name for name in FactColumns.__dataclass_fields__ if name not in _RATES]
    fields = ", ".join(f"'{name}': {name}" for name in ["version", *plain])
    rates = "'by_event': coalesce(by_event, MAP {}), 'by_band': coalesce(by_band, MAP {})"
    inner = _statement(at, among)
    statement = f"SELECT unit_id, to_json({{{fields}, {rates}}})::VARCHAR AS facts FROM ({inner})"  # noqa: S608 - ours
    cursor = duck.execute(statement)
    while rows := cursor.fetchmany(_BATCH):
        yield rows


def fact_columns(table: pa.Table) -> FactColumns:
    """The rows of `facts`, fetched as an Arrow table, as columns for `feature_columns`."""
    readers: dict[str, Any] = dict.fromkeys(FactColumns.__dataclass_fields__, _numbers)
    readers |= dict.fromkeys(("active", "paid_days", "contacted"), _days) | dict.fromkeys(_RATES, _rates)
    return FactColumns(**{name: read(table[name]) for name, read in readers.items()})


_COPY: dict[bool, dict[str, bool]] = {False: {}, True: {"zero_copy_only": False}}
_RATES = ("by_event", "by_band")


def _statement(at: int, among: str | None) -> str:
    within = "" if among is None else f" AND unit_id IN (SELECT unit_id FROM {among})"  # noqa: S608 - our names
    edges = " ".join(f"WHEN amount < {edge} THEN '{band_name(n)}'" for n, edge in enumerate(BAND_EDGES))
    return _FACTS.format(
        at=int(at),
        seen=_SEEN.format(at=int(at), among=within),
        active=_parallel("active.days", "day", "count"),
        paid_days=_parallel("p.days", "day", "count", "amount"),
        contacted=_parallel("c.days", "day", "count"),
        day=DAY,
        kept=(KEPT_DAYS + 1) * DAY,
        band=f"CASE {edges} ELSE '{band_name(len(BAND_EDGES))}' END",
        version=VERSION,
    )


def _numbers(column: Any) -> Numbers:
    found: Numbers = pc.cast(column, pa.float64()).to_numpy(**_COPY[isinstance(column, pa.Array)])
    return found


def _parallel(days: str, *names: str) -> str:
    """A list of structs as a struct of lists, empty ones where there is no list."""
    lists = (f"'{name}': coalesce(list_transform({days}, lambda x: x.{name}), [])" for name in names)
    return f"{{{', '.join(lists)}}}"


def _days(column: pa.ChunkedArray) -> DayColumns:
    parts = {field.name: pc.struct_field(column, field.name).combine_chunks() for field in column.type}
    day, count = parts["day"], parts["count"]
    offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(day).to_numpy(zero_copy_only=False))])
    counts = _numbers(count.flatten())
    amounts = _numbers(parts["amount"].flatten()) if "amount" in parts else np.zeros(len(counts))
    return DayColumns(offsets.astype(np.int64), day.flatten().to_numpy().astype(np.int64), counts, amounts)


def _rates(column: pa.ChunkedArray) -> dict[str, tuple[Numbers, Numbers]]:
    """A column of maps name → [offers, responses] as one pair of columns per name."""
    maps = column.combine_chunks()
    sizes = np.diff(maps.offsets.to_numpy())
    owner = np.repeat(np.arange(len(maps)), sizes)
    start, end = maps.offsets[0].as_py(), maps.offsets[-1].as_py()
    names = maps.keys[start:end].dictionary_encode()
    pairs = maps.items[start:end].flatten().to_numpy(zero_copy_only=False).reshape(-1, 2)
    codes = names.indices.to_numpy(zero_copy_only=False)
    found: dict[str, tuple[Numbers, Numbers]] = {}
    for code, name in enumerate(names.dictionary.to_pylist()):
        here = codes == code
        columns = np.zeros((2, len(maps)))
        columns[:, owner[here]] = pairs[here].T
        found[name] = (columns[0], columns[1])
    return found
