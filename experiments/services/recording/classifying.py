"""What an outcome is taken for when it comes in: a pure function of the outcome and the decisions it may count for."""

from collections.abc import Callable, Iterable, Mapping

from experiments.services.recording.messages import OutcomeClass
from experiments.store.recording.outcome_log import Candidate

Window = Callable[[Candidate], int]
"""The attribution window, in microseconds, of a decision's revision."""


def classify_named(found: Candidate | None, received_at: int) -> OutcomeClass:
    """The class of an outcome that names a decision, `found` where it exists."""
    if found is None:
        return "pending"
    return "late" if _is_late(found, received_at if found.clock_now is None else found.clock_now) else "accepted"


def classify_by_unit(
    candidates: Iterable[Candidate], occurred_at: int, received_at: int, window: Window
) -> OutcomeClass:
    """The class of an outcome that names a unit, whose decisions are `candidates`.

    In each experiment the latest decision at or before the outcome counts, if its window reaches that far. On the
    caller's clock the time of the outcome stands for that of its receipt.
    """
    open_then = [each for each in last_touches(candidates, occurred_at) if occurred_at < each.decided_at + window(each)]
    if not open_then:
        return "unattributed"
    late = (_is_late(each, received_at if each.clock_now is None else occurred_at) for each in open_then)
    return "late" if all(late) else "accepted"


def last_touches(candidates: Iterable[Candidate], occurred_at: int) -> Iterable[Candidate]:
    """Each experiment's latest decision at or before an instant."""
    latest: dict[int, Candidate] = {}
    for each in candidates:
        if each.decided_at <= occurred_at:
            known = latest.get(each.experiment_id)
            if known is None or (known.decided_at, known.id) < (each.decided_at, each.id):
                latest[each.experiment_id] = each
    return latest.values()


def by_unit(candidates: Iterable[Candidate]) -> Mapping[str, list[Candidate]]:
    """The candidates of each unit."""
    grouped: dict[str, list[Candidate]] = {}
    for each in candidates:
        grouped.setdefault(each.unit_id, []).append(each)
    return grouped


def _is_late(decision: Candidate, received: int) -> bool:
    return decision.joined or received > decision.matures_at
