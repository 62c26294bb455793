"""What is said of a batch inside which a total may end."""

from sqlalchemy import Connection

from experiments.model.designing.definition import Definition
from experiments.model.designing.limit_plan import ARM, BUDGET, LimitPlan
from experiments.model.designing.limits import MICRO
from experiments.store.limits.totals import committed_of

_ORDER = "Who is served follows a random order."


def warnings_of(
    connection: Connection, definition: Definition, limits: LimitPlan, count: int | None
) -> tuple[str, ...]:
    """A sentence for each total that so many people (None: nobody has counted them) may use up."""
    committed = committed_of(connection, limits.experiment_id)
    found = []
    for resource, limit in sorted(limits.totals.items()):
        left, most = max(limit - committed.get(resource, 0), 0), limits.most[resource]
        if most and (count is None or count * most > left):
            found.append(f"{_what(definition, resource, left, count, most)} {_ORDER}")
    return tuple(found)


def _what(definition: Definition, resource: str, left: int, count: int | None, most: int) -> str:
    people = "the people in this file, whose number is not known," if count is None else f"{count:,} people"
    if resource.startswith(ARM):
        name, has, may = f"cap on the arm {resource.removeprefix(ARM)!r}", f"{left:,} decisions", ""
    else:
        name = "budget" if resource == BUDGET else "cap on rewards"
        has = f"{left / MICRO:,.2f} {definition.currency}"
        may = "" if count is None else f" of up to {count * most / MICRO:,.2f} {definition.currency}"
    return f"The {name} has {has} left and may end inside this batch: {people} may be given arms{may}."
