"""What the hot path reads of limits, and what a batch of decisions uses of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec


class LimitsWanted(NamedTuple):
    """What a batch needs to know of an experiment's limits.

    `since`: contacts after this instant; None: none. `money`: also what they cost. `service`: of every experiment.
    `totals`: how much of each resource is taken, and the price on cost.
    """

    since: int | None = None
    money: bool = False
    service: bool = False
    totals: bool = False


class Past(NamedTuple):
    """A contact of a unit, not voided. `record` where it may hold a cost override, `metrics` once it matured."""

    decision_id: int
    unit_id: str
    experiment_id: int
    revision: int
    arm: str
    decided_at: int
    record: str | None = None
    metrics: str | None = None


class TakenSoFar(NamedTuple):
    """What of a resource is out of reach for more: with all that leases hold, and only what decisions have used."""

    held: int
    committed: int


class Price(NamedTuple):
    """The price on cost in force, and what a decision for each arm is expected to cost, in the currency."""

    shadow_price: float
    expected_costs: Mapping[str, float]


FREE = Price(0.0, {})


@dataclass(slots=True)
class LimitsKnown:
    """What the database knew: contacts by unit and decision, versions of units, what is taken by resource, prices.

    `looks_back`: contacts count for what is being decided.
    """

    suppressed: set[str] = field(default_factory=set)
    past: dict[str, dict[int, Past]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    taken: dict[int, dict[str, TakenSoFar]] = field(default_factory=dict)
    prices: dict[int, Price] = field(default_factory=dict)
    looks_back: bool = False

    def note(self, contacts: Iterable[Past]) -> None:
        """Add contacts."""
        for contact in contacts:
            self.past.setdefault(contact.unit_id, {})[contact.decision_id] = contact

    def contacts(self) -> Iterable[Past]:
        """All of them."""
        return (contact for contacts in self.past.values() for contact in contacts.values())

    def price(self, experiment_id: int, found: tuple[float, str] | None) -> None:
        """Note the price of an experiment, where the worker has set one."""
        if found is not None:
            self.prices[experiment_id] = Price(found[0], decode_costs(found[1]))


decode_costs = msgspec.json.Decoder(dict[str, float]).decode


class Taken(NamedTuple):
    """What one decision takes of one lease."""

    lease_id: int
    amount: int
    later: int


@dataclass(slots=True)
class Ledger:
    """What a batch of rows uses: by row id what it takes, and the versions that were read of units it contacts."""

    expires_at: int
    taken: dict[int, list[Taken]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.taken or self.versions)

    def sums(self, committed: Iterable[int]) -> list[tuple[int, int, int, int]]:
        """(lease, amount, later, decisions) of the rows that were committed, in the order of the leases."""
        found: dict[int, list[int]] = {}
        for number in committed:
            for lease_id, amount, later in self.taken.get(number, ()):
                sums = found.setdefault(lease_id, [0, 0, 0])
                sums[0] += amount
                sums[1] += later
                sums[2] += 1
        return [(lease_id, *found[lease_id]) for lease_id in sorted(found)]  # type: ignore[misc]  # three sums each
