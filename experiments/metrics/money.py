"""Metrics in the experiment's currency: what the chosen arm cost, and what is left."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from experiments.metrics.case import Event

AT_ONCE = "decision"
KIND_OF = {"redeemed": "reward_redeemed"}
"""Short names for `cost_on`."""


PROOFS = frozenset({"delivered", "view", "click", "reward_redeemed"})
"""Kinds of outcomes that only somebody whom the decision has reached can have."""


class Bill(NamedTuple):
    """What money metrics are computed from.

    Attributes:
        reward_cost, contact_cost: of the chosen arm.
        due_on: `decision`, or the metric or kind of event on which the reward cost falls due, once.
        events: those attributed to the decision.
        values: the event metrics and the money metrics computed before.
        margin: share of revenue that is left after the cost of goods.
        reached: whether the decision was delivered, so that what falls due with it was paid. A void says that it was
            not, unless an outcome of the decision shows that it was after all: see PROOFS.
    """

    reward_cost: float
    contact_cost: float
    due_on: str
    events: Sequence[Event]
    values: Mapping[str, float]
    margin: float
    reached: bool = True


def reward_cost(bill: Bill) -> float:
    """The arm's reward cost where it fell due: with delivery, or because of what the unit did.

    What the unit did makes it due whether or not the decision was voided: the revenue of the same outcomes counts, too.
    """
    if not bill.reward_cost or bill.due_on == AT_ONCE:
        return bill.reward_cost if bill.reached else 0.0
    kind = KIND_OF.get(bill.due_on, bill.due_on)
    due = bill.values.get(bill.due_on, 0.0) > 0.0 or any(event.kind == kind for event in bill.events)
    return bill.reward_cost if due else 0.0


def contact_cost(bill: Bill) -> float:
    """The arm's contact cost; it falls due with delivery."""
    return bill.contact_cost if bill.reached else 0.0


def net_value(bill: Bill) -> float:
    """margin x revenue - reward_cost - contact_cost."""
    values = bill.values
    return bill.margin * values.get("revenue", 0.0) - values["reward_cost"] - values["contact_cost"]


MONEY: dict[str, Callable[[Bill], float]] = {
    "reward_cost": reward_cost,
    "contact_cost": contact_cost,
    "net_value": net_value,
}
"""In the order in which they are computed: a later one may use those before it."""
