"""Totals of limits: what decisions take of them, and what voids give back."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, text
from sqlmodel import Session

from experiments.model.designing.limit_plan import Use, cost_of, use_of
from experiments.store.core.bulk import one_of, values_for
from experiments.store.designing.revisions import RevisionBook

_TOTAL = """
SELECT used - voided - matured + realised AS taken FROM limit_totals
WHERE experiment_id = :experiment_id AND resource = :resource
"""
_COMMITTED = """
SELECT t.resource, t.used - t.voided - t.matured + t.realised + coalesce(sum(l.used), 0) AS committed
FROM limit_totals AS t LEFT JOIN limit_leases AS l ON l.experiment_id = t.experiment_id AND l.resource = t.resource
WHERE t.experiment_id = :experiment_id GROUP BY t.experiment_id, t.resource
"""
_COUNT = """
SELECT d.revision, d.arm, count(*) FROM decisions AS d LEFT JOIN voids AS v ON v.decision_id = d.id
WHERE d.experiment_id = :experiment_id AND d.id >= :first AND d.id < :last AND v.decision_id IS NULL
AND d.mode <> 'forced' AND d.record NOT LIKE '%"costs":%' GROUP BY d.revision, d.arm
"""
_OVERRIDDEN = """
SELECT d.revision, d.arm, d.record FROM decisions AS d LEFT JOIN voids AS v ON v.decision_id = d.id
WHERE d.experiment_id = :experiment_id AND d.id >= :first AND d.id < :last AND v.decision_id IS NULL
AND d.mode <> 'forced' AND d.record LIKE '%"costs":%'
"""
_LIMITED = """
SELECT d.experiment_id, d.revision, d.arm, d.record FROM decisions AS d WHERE {which} AND d.mode <> 'forced'
AND EXISTS (SELECT 1 FROM limit_totals AS t WHERE t.experiment_id = d.experiment_id)
"""
_RESOURCES = "SELECT resource FROM limit_totals WHERE experiment_id = :experiment_id ORDER BY resource"
_VOID = """
UPDATE limit_totals SET voided = voided + :amount, voided_contingent = voided_contingent + :later
WHERE experiment_id = :experiment_id AND resource = :resource
"""


class Overrides(msgspec.Struct):
    """The part of a record that says what an arm cost, where that was overridden by hand."""

    costs: dict[str, float] = {}


decode_overrides = msgspec.json.Decoder(Overrides).decode


def give_back(session: Session, ids: Iterable[int]) -> None:
    """Give back what these decisions, void from this transaction on, took of their experiments' totals."""
    connection = session.connection()
    statement = text(_LIMITED.format(which=one_of(connection, "d.id", "ids")))
    rows = connection.execute(statement, {"ids": values_for(connection, list(ids))}).all()
    book, sums = RevisionBook(), dict[tuple[int, str], list[int]]()
    for experiment_id in sorted({row[0] for row in rows}):
        resources = [row[0] for row in connection.execute(text(_RESOURCES), {"experiment_id": experiment_id})]
        for _, revision, arm, record in (row for row in rows if row[0] == experiment_id):
            for use in uses_of(session, book, (experiment_id, revision, arm, record), resources):
                found = sums.setdefault((experiment_id, use.resource), [0, 0])
                found[0] += use.amount
                found[1] += use.later
    for (experiment_id, resource), (amount, later) in sorted(sums.items()):
        values = {"experiment_id": experiment_id, "resource": resource, "amount": amount, "later": later}
        connection.execute(text(_VOID), values)


def uses_of(
    session: Session, book: RevisionBook, decision: tuple[int, int, str, str], resources: Iterable[str]
) -> list[Use]:
    """What a decision (experiment, revision, arm, record) took of each resource."""
    experiment_id, revision, arm, record = decision
    costs = decode_overrides(record).costs if '"costs":' in record else {}
    definition = book.of(session, experiment_id, revision).definition
    cost = cost_of(definition.arm(arm), costs.get(arm))
    return [use_of(resource, arm, cost) for resource in resources]


def forget_totals(session: Session, experiment_id: int, kept: Iterable[str]) -> None:
    """Drop the totals of limits that are no more, so that a later one of the name counts afresh from the decisions."""
    connection = session.connection()
    found = [row[0] for row in connection.execute(text(_RESOURCES), {"experiment_id": experiment_id})]
    for resource in sorted(set(found) - set(kept)):
        values = {"experiment_id": experiment_id, "resource": resource}
        for table in ("limit_totals", "limit_leases"):
            statement = f"DELETE FROM {table} WHERE experiment_id = :experiment_id AND resource = :resource"  # noqa: S608 - ours
            connection.execute(text(statement), values)


def committed_of(connection: Connection, experiment_id: int) -> dict[str, int]:
    """Resource → what decisions have used of it, for those of which anything was used."""
    found = connection.execute(text(_COMMITTED), {"experiment_id": experiment_id})
    return {resource: int(committed) for resource, committed in found}


def taken_for_good(session: Session, experiment_id: int, resource: str) -> int | None:
    """What is used for good, by leases that are no more; None where the total was never opened."""
    place = {"experiment_id": experiment_id, "resource": resource}
    return session.connection().execute(text(_TOTAL), place).scalar_one_or_none()


def used_before(session: Session, place: tuple[int, str], ids: tuple[int, int]) -> dict[str, int]:
    """What the decisions in a range of ids use of a resource of an experiment."""
    (experiment_id, resource), connection, book = place, session.connection(), RevisionBook()
    span = {"experiment_id": experiment_id, "first": ids[0], "last": ids[1]}
    counted = [(*row, "") for row in connection.execute(text(_COUNT), span)]
    single = [(row[0], row[1], 1, row[2]) for row in connection.execute(text(_OVERRIDDEN), span)]
    sums = {"used": 0, "contingent": 0, "decisions": 0}
    for revision, arm, count, record in (*counted, *single):
        (use,) = uses_of(session, book, (experiment_id, revision, arm, record), [resource])
        sums["used"] += count * use.amount
        sums["contingent"] += count * use.later
        sums["decisions"] += count
    return sums
