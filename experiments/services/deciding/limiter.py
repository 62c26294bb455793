"""Limits at work in one batch: what they leave out of each draw, and what each drawn row uses of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import msgspec

from bandit.rounds import NOTHING, Scalar
from experiments.model.deciding.decisions import DecisionRow
from experiments.model.designing.definition import ArmDefinition
from experiments.model.designing.limit_plan import SUPPRESSED, Contact, LimitPlan, cost_of
from experiments.model.designing.limits import micros
from experiments.services.deciding.limit_leases import LimitLeases
from experiments.services.deciding.plan import Plan
from experiments.store.limits.ledger import FREE, Ledger, LimitsKnown, LimitsWanted, Past, Price

ArmsByKey = Callable[[int, int], Mapping[str, ArmDefinition] | None]


class Bounds(NamedTuple):
    """What limits say of one request: arm → why it is left out, and the price on cost where a budget is paced."""

    barred: Mapping[str, str]
    price: Price | None = None


class _Costs(msgspec.Struct):
    costs: dict[str, float] = {}


_decode_costs = msgspec.json.Decoder(_Costs).decode
_decode_metrics = msgspec.json.Decoder(dict[str, float]).decode


@dataclass(slots=True)
class Limiter:
    """Holds what the batch knows and has used. `arms_by_key` are the arms of a revision; `looks_back`: contacts count.

    `refused_early`: an arm was left out for a total of which somebody holds what nobody has used yet.
    """

    known: LimitsKnown
    leases: LimitLeases
    arms_by_key: ArmsByKey
    looks_back: bool
    ledger: Ledger = field(init=False)
    refused_early: bool = False
    _used: Counter[tuple[int, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.leases.expiry())

    def bounds(self, plan: Plan, unit_id: str, facts: Mapping[str, Scalar], at: int) -> Bounds | None:
        """None where nothing is limited."""
        limits = plan.limits
        if unit_id in self.known.suppressed:
            return Bounds({key: SUPPRESSED for key in plan.arms_by_key if key != NOTHING}, self._price(limits))
        if limits is None:
            return None
        past = self._contacts(unit_id, limits) if limits.looks_back else ()
        barred = limits.barred(at, facts, past, partial(self._enough, limits))
        return Bounds(barred, self._price(limits))

    def book(self, plan: Plan, row: DecisionRow) -> None:
        """Note what a row that was drawn uses, before the next one is."""
        limits = plan.limits
        if self.looks_back and row.arm != NOTHING:
            self.known.note([Past(row.id, row.unit_id, plan.id, row.revision, row.arm, row.decided_at, row.record)])
        if limits is None:
            return
        if limits.service and row.arm != NOTHING:
            self.ledger.versions[row.unit_id] = self.known.versions.get(row.unit_id, 0)
        uses = limits.uses.get(row.arm, ())
        self.leases.take(self.ledger, row.id, limits.experiment_id, uses)
        for use in uses:
            self._used[limits.experiment_id, use.resource] += use.amount

    def _enough(self, limits: LimitPlan, resource: str, amount: int) -> bool:
        if self.leases.left(limits.experiment_id, resource) >= amount:
            return True
        taken = self.known.taken.get(limits.experiment_id, {}).get(resource)
        used = self._used[limits.experiment_id, resource] + (0 if taken is None else taken.committed)
        self.refused_early |= limits.totals[resource] - used >= amount
        return False

    def _price(self, limits: LimitPlan | None) -> Price | None:
        if limits is None or not limits.paced:
            return None
        return self.known.prices.get(limits.experiment_id, FREE)

    def _contacts(self, unit_id: str, limits: LimitPlan) -> Iterator[Contact]:
        for past in self.known.past.get(unit_id, {}).values():
            own = limits.per_unit is not None and past.experiment_id == limits.experiment_id
            yield Contact(past.experiment_id, past.decided_at, self._reward(past) if own else 0)

    def _reward(self, past: Past) -> int:
        """What was paid, once it is known; until then what was committed."""
        if past.metrics is not None:
            return micros(_decode_metrics(past.metrics).get("reward_cost", 0.0))
        arms_by_key = self.arms_by_key(past.experiment_id, past.revision)
        arm = None if arms_by_key is None else arms_by_key.get(past.arm)
        if arm is None:
            return 0
        costs = {} if past.record is None else _decode_costs(past.record).costs
        return cost_of(arm, costs.get(past.arm)).reward


def wanted_of(limits: LimitPlan, at: int, before: LimitsWanted | None) -> LimitsWanted:
    """What a request at an instant needs to know, on top of what others of its experiment do."""
    since = limits.since(at) if limits.looks_back else None
    if since is not None and before is not None and before.since is not None:
        since = min(since, before.since)
    return LimitsWanted(since, limits.per_unit is not None, limits.service, bool(limits.totals))
