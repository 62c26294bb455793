"""Tell a person that a budget is nearly spent, or will be too early: once, until the budget or its end is changed."""

from typing import NamedTuple

from sqlmodel import Session

from experiments.model.designing.limits import MICRO, BudgetDefinition
from experiments.model.pacing import Course, concern
from experiments.model.times import to_rfc3339
from experiments.store.alerts import Notice, raise_alert, resolve_alerts, unresolved_detail

ALERT = "budget"
_TITLES = {
    "spent": "{key}: the budget is nearly spent, long before its end",
    "early": "{key}: the budget will run out before its end",
}


class Budgeted(NamedTuple):
    """Whose budget: the experiment's id and key, the budget, its currency."""

    number: int
    key: str
    budget: BudgetDefinition
    currency: str


def warn(session: Session, whose: Budgeted, course: Course, paced_for: float) -> None:
    """Raise what there is to worry about; resolve what was, where the budget is another or over.

    `paced_for` is the number of decisions that the forecast rests on.
    """
    experiment, terms = (whose.number, whose.key), _terms(whose.budget, course)
    told = unresolved_detail(session, whose.number, ALERT)
    if told is not None and (course.is_over or any(told.get(name) != value for name, value in terms.items())):
        resolve_alerts(session, experiment, ALERT)
        told = None
    worry = concern(course, paced_for, paced=whose.budget.pacing == "even")
    if told is None and worry is not None:
        standing = {"committed": course.committed / MICRO, "currency": whose.currency, "depletes_at": _when(course.out)}
        title = _TITLES[worry].format(key=whose.key)
        raise_alert(session, Notice(ALERT, "warning", title, terms | standing, experiment))


def forget(session: Session, number: int, key: str) -> None:
    """The experiment has no budget any more."""
    resolve_alerts(session, (number, key), ALERT)


def _terms(budget: BudgetDefinition, course: Course) -> dict[str, object]:
    """What a person would change."""
    return {"amount": budget.amount, "ends_at": _when(course.end), "pacing": budget.pacing}


def _when(instant: int | None) -> str | None:
    return None if instant is None else to_rfc3339(instant)
