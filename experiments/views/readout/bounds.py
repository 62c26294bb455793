"""What is known of money before any of it is seen: caps by revision, and between which numbers one unit's total lies.

Verdicts, chances and guardrails about revenue and net value are about the capped metric, over the revisions that have a
cap. A unit's costs are known from the arms: the dearest decision, as many times as a unit can have been decided for in
one revision, which is how often the decision window has passed since the revision was opened (on the caller's clock:
between the first and the last decision), or what the counts of decisions and units leave possible, whichever is less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection
from sqlmodel import col, func, select

from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import CAPPED_METRICS, COST_METRICS
from experiments.model.listing import in_runs
from experiments.model.tables.core import Adjustment, Decision, Experiment, Revision
from experiments.model.times import duration_micros, now
from offline_eval.ab.limits import Limits

PLAIN_METRICS = {capped: plain for plain, capped in CAPPED_METRICS.items()}


class Counted(NamedTuple):
    """Matured decisions and their units, as far as they are counted."""

    decisions: float
    units: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one experiment.

    Attributes:
        caps: revision → its cap, where it has one. origins: revision → what that was proposed from, where nobody
            stated it. limits: metric → between which numbers one unit's total in a revision lies. possible: metric →
            between which one decision's mean lies. free: variants that can cost nothing, in every revision.
    """

    caps: Mapping[int, float] = field(default_factory=dict)
    origins: Mapping[int, str] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    possible: Mapping[str, Limits] = field(default_factory=dict)
    free: frozenset[str] = frozenset()

    def where_nothing_costs(self) -> "Bounds":
        """The same of decisions that cannot cost anything."""
        return replace(self, limits=_without_costs(self.limits), possible=_without_costs(self.possible))

    def judged(self, metric: str) -> str:
        """What a verdict about the metric looks at."""
        return CAPPED_METRICS.get(metric, metric) if self.caps else metric

    def has_value(self, metric: str, revisions: Sequence[int]) -> NDArray[np.bool_]:
        """(S,) in which revisions the metric was computed."""
        capped = metric in PLAIN_METRICS
        return np.array([not capped or number in self.caps for number in revisions], dtype=bool)


def _without_costs(known: Mapping[str, Limits]) -> dict[str, Limits]:
    spared = {name: (0.0, 0.0) if name in COST_METRICS else limits for name, limits in known.items()}
    capped = "capped_net_value"
    return spared | ({capped: (0.0, known[capped][1])} if capped in known else {})


NO_BOUNDS = Bounds()


def caps_of(definitions: Mapping[int, Definition]) -> dict[int, float]:
    """Revision → its cap, where it has one."""
    return {number: one.cap_revenue for number, one in definitions.items() if one.cap_revenue is not None}


def left_out(revisions: Sequence[int]) -> str:
    """What is said of revisions without a cap beside a number about capped money."""
    several = len(revisions) > 1
    return f"{in_runs(revisions)} {'have' if several else 'has'} no cap and {'are' if several else 'is'} left out"


def bounds_of(connection: Connection, row: Experiment, counted: Counted) -> Bounds:
    """From the experiment's revisions and the manual costs that were ever in force."""
    number = int(row.id or 0)
    columns = (Revision.number, Revision.definition, Revision.opened_at, col(Revision.cap_origin))
    query = select(*columns).where(Revision.experiment_id == number).order_by(col(Revision.number))
    stored = [_Opened(one[0], Definition.model_validate(one[1]), one[2], one[3]) for one in connection.execute(query)]
    adjusted = select(func.max(Adjustment.value)).where(Adjustment.experiment_id == number, Adjustment.kind == "cost")
    dearest = float(connection.execute(adjusted).scalar() or 0.0)
    caps = caps_of({one.number: one.definition for one in stored})
    origins = {one.number: one.origin for one in stored if one.number in caps and one.origin}
    times = _most_decisions(row, stored, counted, _span(connection, number))
    once = _limits(stored, dearest, dict.fromkeys(times, 1.0))
    return Bounds(caps, origins, _limits(stored, dearest, times), once, _free(stored))


def _free(stored: Sequence["_Opened"]) -> frozenset[str]:
    """Variants that were fixed on an arm without costs wherever they were."""
    costly, met = set(), set()
    for one in stored:
        free = {arm.key for arm in one.definition.arms_with_nothing if not arm.reward_cost and not arm.contact_cost}
        for variant in one.definition.variants:
            met.add(variant.key)
            if variant.policy.sole_arm not in free:
                costly.add(variant.key)
    return frozenset(met - costly)


def _span(connection: Connection, experiment_id: int) -> int:
    """Microseconds between the first and the last decision, as far as their maturing tells."""
    ends = select(func.min(Decision.matures_at), func.max(Decision.matures_at))
    first, last = connection.execute(ends.where(col(Decision.experiment_id) == experiment_id)).one()
    return 0 if first is None else int(last - first)


class _Opened(NamedTuple):
    number: int
    definition: Definition
    opened_at: int
    origin: str | None


def _limits(stored: Sequence[_Opened], dearest: float, decisions: Mapping[int, float]) -> dict[str, Limits]:
    rewards, contacts, costs = [0.0], [0.0], [0.0]
    for one in stored:
        arms, times = one.definition.arms_with_nothing, decisions[one.number]
        reward = max(dearest, *(arm.reward_cost for arm in arms))
        contact = max(arm.contact_cost for arm in arms)
        rewards.append(times * reward)
        contacts.append(times * contact)
        costs.append(times * (reward + contact))
    found = {"reward_cost": (0.0, max(rewards)), "contact_cost": (0.0, max(contacts))}
    capped = [(one.definition.cap_revenue, one.definition.objective.margin) for one in stored]
    caps = [(cap, margin * cap) for cap, margin in capped if cap is not None]
    if caps:
        found["capped_revenue"] = (0.0, max(cap for cap, _ in caps))
        found["capped_net_value"] = (-max(costs), max(earned for _, earned in caps))
    return found


def _most_decisions(row: Experiment, stored: Sequence[_Opened], counted: Counted, span: int) -> dict[int, float]:
    """Revision → decisions that one unit can have had in it: one in each decision window that began."""
    left = max(counted.decisions - counted.units + 1.0, 1.0)
    end = row.stopped_at or now()
    ends = [*(one.opened_at for one in stored[1:]), end]
    found = {}
    for one, until in zip(stored, ends, strict=True):
        window = duration_micros(one.definition.decision_window)
        if not window:
            found[one.number] = left
            continue
        # On the caller's clock nobody knows when a revision was opened.
        opened = max(until - one.opened_at, 0) if one.definition.clock == "server" else span
        found[one.number] = min(left, opened // window + 1.0)
    return found
