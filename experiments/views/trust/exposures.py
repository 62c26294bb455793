"""Who was really shown what: assigned, pushed and delivered by arm, and exposures without a decision."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, text

from experiments.model.access.principal import Principal, require
from experiments.model.designing.definition import Definition
from experiments.model.times import duration_micros
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.joining.matured import MATURED, cursor_of
from experiments.store.recording.fallback_log import (
    Touched,
    carried_over,
    exposure_counts,
    touched,
    touched_and_matured,
)
from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.evidence import homogeneity, p_value_of

Document = dict[str, Any]
NAME = "fallback_exposures"
NOTABLE = 0.01
"""Share of touched decisions from which the trust view warns."""

# By the decision named only: an outcome of a unit says that something arrived, not which decision it was of.
_BY_ARM = """
SELECT d.arm, count(*), sum(CASE WHEN v.decision_id IS NULL THEN 0 ELSE 1 END),
  sum(CASE WHEN EXISTS (SELECT 1 FROM outcomes o WHERE o.decision_id = d.id AND o.kind = 'delivered'
    AND o.source = 'delivery') THEN 1 ELSE 0 END),
  sum(CASE WHEN EXISTS (SELECT 1 FROM outcomes o WHERE o.decision_id = d.id AND o.kind = 'delivered'
    AND o.source <> 'delivery') THEN 1 ELSE 0 END)
FROM decisions d LEFT JOIN voids v ON v.decision_id = d.id
WHERE d.experiment_id = :id AND d.mode <> 'forced' GROUP BY d.arm ORDER BY d.arm
"""


def exposures(engine: Engine, principal: Principal, key: str) -> Document:
    """`{experiment, arms: {arm: {assigned, voided, pushed, confirmed}}, fallbacks}`.

    `pushed` decisions went out through a delivery; `confirmed` ones some other system says were delivered.
    Raises ForbiddenError, NotFoundError.
    """
    require(principal, "read")
    with reading(engine) as session:
        row = find(session, key)
        connection, number = session.connection(), int(row.id or 0)
        window = duration_micros(Definition.model_validate(row.definition).attribution_window)
        return {
            "experiment": row.key,
            "arms": _arms(connection, number),
            "fallbacks": fallback_trust(connection, number, window),
        }


def fallback_trust(connection: Connection, experiment_id: int, window: int) -> Document:
    """Exposures without a decision, and the decisions that they touch, in the form of a trust check.

    `carried_over` decisions were drawn within the window after one; `crossed` ones had one within their own window:
    the unit came back, so that leaving these out would favour arms that bring nobody back.
    """
    counts = exposure_counts(connection, experiment_id)
    groups = touched(connection, experiment_id, window) if counts["exposures"] else []
    standing: dict[str, int] = {}
    for group in groups:
        standing[group.variant] = standing.get(group.variant, 0) + group.decisions
    return {
        **counts,
        "carried_over": sum(group.before for group in groups),
        "crossed": sum(group.after for group in groups),
        "share": _share(groups, standing),
        "by_arm": [group._asdict() for group in groups if group.before or group.after],
        "check": _judged(counts, groups, standing).as_dict(),
    }


def fallback_check(
    connection: Connection, experiment_id: int, window: int, matured: Mapping[str, int]
) -> CheckResult | None:
    """The check over matured decisions (`matured`: by variant, void ones too); None where nobody was exposed.

    It reads the exposed units' decisions alone, so that it costs nothing where every call was answered.
    """
    counts = exposure_counts(connection, experiment_id)
    if not counts["exposures"]:
        return None
    through = cursor_of(connection, experiment_id, MATURED).through
    return _judged(counts, touched_and_matured(connection, experiment_id, window, through), matured)


def decisions_to_leave_out(engine: Engine, principal: Principal, key: str) -> set[int]:
    """Decisions that may be left out for an exposure before their draw, without favour to any arm.

    Raises ForbiddenError, NotFoundError.
    """
    require(principal, "read")
    with reading(engine) as session:
        row = find(session, key)
        window = duration_micros(Definition.model_validate(row.definition).attribution_window)
        return carried_over(session.connection(), int(row.id or 0), window)


def _judged(counts: Mapping[str, int], groups: Sequence[Touched], decisions: Mapping[str, int]) -> CheckResult:
    share = _share(groups, decisions)
    notable = share >= NOTABLE or counts["unseen_decisions"] > counts["voided"]
    return CheckResult(NAME, "warning" if notable else "ok", _balance(groups, decisions), _told(counts, share))


def _share(groups: Sequence[Touched], decisions: Mapping[str, int]) -> float:
    hit, made = sum(group.before + group.after for group in groups), sum(decisions.values())
    return hit / made if made else 0.0


def _balance(groups: Sequence[Touched], decisions: Mapping[str, int]) -> float | None:
    """Whether carried-over decisions are equally frequent in every variant: they were made before the draw."""
    hits = dict.fromkeys(decisions, 0)
    for group in groups:
        hits[group.variant] = hits.get(group.variant, 0) + group.before
    table = [(hit, max(decisions.get(variant, 0) - hit, 0)) for variant, hit in hits.items()]
    return None if len(table) < 2 else p_value_of(homogeneity(table))


def _told(counts: Mapping[str, int], share: float) -> str:
    if not counts["exposures"]:
        return "nobody was shown the control for want of an answer"
    return (
        f"{counts['units']:,} units were shown the control for want of an answer, {counts['exposures']:,} times; "
        f"{counts['voided']:,} decisions that were never seen are void; {share:.2%} of the decisions are touched"
    )


def _arms(connection: Connection, number: int) -> Document:
    names = ("assigned", "voided", "pushed", "confirmed")
    found = connection.execute(text(_BY_ARM), {"id": number})
    return {row[0]: dict(zip(names, map(int, row[1:]), strict=True)) for row in found}
