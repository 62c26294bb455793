"""Capped revenue of joined rounds: what each adds to its unit's total in the revision, see `metrics.capping`.

Only the holder of the lease joins, so it may remember the totals that it read or wrote. They are added in the joiner's
order, one by one: a total is the same to the last bit whether it was remembered or read again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from experiments.services.joining.rolling_up import REJECTED
from experiments.services.joining.rounds import Joined
from experiments.store.designing.revisions import RevisionFacts
from experiments.store.joining.unit_revenue import unit_revenue

REMEMBERED = 100_000
"""Totals, beyond which all are read again."""


class UnitPlace(NamedTuple):
    """A unit in one revision of an experiment."""

    experiment_id: int
    revision: int
    unit_id: str


UnitTotals = dict[UnitPlace, float]


class EarlierRevenue:
    """What units with several decisions had spent before."""

    def __init__(self) -> None:
        self._known: UnitTotals = {}

    def forget(self) -> None:
        """Read everything again: a transaction failed."""
        self._known.clear()

    def remember(self, totals: UnitTotals) -> None:
        """What was committed."""
        if len(self._known) + len(totals) > REMEMBERED:
            self.forget()
        self._known |= totals

    def capped(
        self, connection: Connection, experiment_id: int, facts: Mapping[int, RevisionFacts], rounds: Sequence[Joined]
    ) -> tuple[list[Joined], UnitTotals]:
        """The rounds with capped metrics where their revision has a cap, and totals to remember."""
        if all(one.plan.cap is None for one in facts.values()):
            return list(rounds), {}
        totals = self._before(connection, experiment_id, facts, rounds)
        known = set(totals)
        found = [_capped(experiment_id, facts[one.decision.revision], one, totals) for one in rounds]
        return found, {place: totals[place] for place in known}

    def _before(
        self, connection: Connection, experiment_id: int, facts: Mapping[int, RevisionFacts], rounds: Sequence[Joined]
    ) -> UnitTotals:
        """Totals before these rounds, of units that spend and have other decisions."""
        places = set(_repeated(experiment_id, facts, rounds))
        missing = {place.unit_id for place in places if place not in self._known}
        totals = dict.fromkeys(places, 0.0) | {place: self._known[place] for place in places & self._known.keys()}
        for unit_id, revision, revenue in unit_revenue(connection, experiment_id, missing):
            place = UnitPlace(experiment_id, revision, unit_id)
            if place in places and place not in self._known:
                totals[place] += revenue
        return totals


def counts_in_totals(joined: Joined) -> bool:
    """Whether readouts count the decision."""
    return joined.decision.mode != "forced" and joined.decision.void != REJECTED


def _repeated(experiment_id: int, facts: Mapping[int, RevisionFacts], rounds: Sequence[Joined]) -> Iterator[UnitPlace]:
    for joined in rounds:
        one = joined.decision
        if facts[one.revision].plan.cap is None or not joined.metrics.get("revenue"):
            continue
        # A later decision may have matured first, where this one was committed late.
        if (one.epoch or one.attempt or one.next_at is not None) and counts_in_totals(joined):
            yield UnitPlace(experiment_id, one.revision, one.unit_id)


def _capped(experiment_id: int, facts: RevisionFacts, joined: Joined, totals: UnitTotals) -> Joined:
    if facts.plan.cap is None or not counts_in_totals(joined):
        return joined
    place = UnitPlace(experiment_id, joined.decision.revision, joined.decision.unit_id)
    before = totals.get(place, 0.0)
    if place in totals:
        totals[place] = before + joined.metrics.get("revenue", 0.0)
    return joined._replace(metrics=facts.plan.capped(joined.metrics, before))
