"""A batch of joined rounds as columns."""

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np

from experiments.model.days import day_of, start_of_day
from experiments.model.deciding.drawn import pmf_of
from experiments.model.designing.definition import Definition
from experiments.services.joining.columns import Floats, Integers, Named, RoundColumns, drawing, grouped
from experiments.services.joining.rolling_up import REJECTED
from experiments.services.joining.rounds import Joined
from experiments.store.designing.revisions import Head, RevisionFacts
from experiments.store.joining.matured import Matured
from experiments.store.rollups.cells import EligibleArms


def counts(one: Matured) -> bool:
    """Whether a round is in readouts of arms and in trust checks at all."""
    return one.mode != "forced" and one.void != REJECTED


def draws_arms(definition: Definition) -> frozenset[str]:
    """The variants whose policy draws: their arms can be contrasted."""
    return frozenset(variant.key for variant in definition.variants if variant.policy.kind.randomises)


def columns_of(
    head: Head, facts: Mapping[int, RevisionFacts], metrics: Sequence[str], rounds: Sequence[Joined]
) -> RoundColumns:
    """The rounds that `counts` says count."""
    decisions = [joined.decision for joined in rounds]
    pmfs = [pmf_of(joined.proof) for joined in rounds]
    sets = Named.of([pmf.arms for pmf in pmfs])
    arms = all_arms([], sets.names, [one.arm for one in decisions])
    arm = np.array([arms[one.arm] for one in decisions], dtype=np.int64)
    flat = np.fromiter(chain.from_iterable([pmf.p for pmf in pmfs]), dtype=np.float64)
    drawn = drawing(flat, sets.codes, coded(sets.names, arms), arm)
    adaptive = {number: draws_arms(one.definition) for number, one in facts.items()}
    revision = np.array([one.revision for one in decisions], dtype=np.int64)
    zones = {number: one.definition.time_zone for number, one in facts.items()}
    eligible = eligible_arms(sets, revision, {number for number, one in facts.items() if one.plan.cap is not None})
    return RoundColumns(
        revision=revision,
        variant=Named.of([one.variant for one in decisions]),
        arm=arm,
        segment=Named.of([joined.segment for joined in rounds]),
        voided=np.array([one.void is not None for one in decisions], dtype=bool),
        first=np.array([not one.epoch and not one.attempt for one in decisions], dtype=bool),
        exposed=np.array(["delivered" in one.metrics or "view" in one.metrics for one in rounds], dtype=bool),
        adaptive=np.array([one.variant in adaptive[one.revision] for one in decisions], dtype=bool),
        draw=np.array([_u(head.salt, joined) for joined in rounds], dtype=np.float64),
        day=local_days(np.array([one.decided_at for one in decisions], dtype=np.int64), revision, zones),
        reward=np.array([joined.reward for joined in rounds], dtype=np.float64),
        values=_values(metrics, rounds),
        eligible=eligible.codes,
        sets=eligible.names,
        pmfs=drawn.pmfs,
        place=drawn.place,
        p=drawn.p,
        arms=list(arms),
    )


def eligible_arms(sets: Named[tuple[str, ...]], revision: Integers, capped: Set[int]) -> Named[EligibleArms]:
    """Each round's set of eligible arms with whether its revision, (n,), is one of those with a cap."""
    rows, code = grouped(sets.codes, np.isin(revision, list(capped)).astype(np.int64))
    return Named(code, [EligibleArms(sets.names[place], bool(flag)) for place, flag in rows.tolist()])


def all_arms(known: Sequence[str], sets: Iterable[Sequence[str]], drawn: Iterable[str] = ()) -> dict[str, int]:
    """Arm → code: the known ones first."""
    names = dict.fromkeys(chain(known, chain.from_iterable(sets), drawn))
    return {name: code for code, name in enumerate(names)}


def coded(sets: Iterable[Sequence[str]], arms: Mapping[str, int]) -> list[Integers]:
    """The codes of each set's arms."""
    return [np.array([arms[arm] for arm in one], dtype=np.int64) for one in sets]


def local_days(decided_at: Integers, revision: Integers, zones: Mapping[int, str]) -> Integers:
    """(n,) days since 1970 in the time zone of each round's revision."""
    days = np.zeros(len(decided_at), dtype=np.int64)
    for (number,) in grouped(revision)[0].tolist():
        rows, zone = revision == number, ZoneInfo(zones[number])
        at = decided_at[rows]
        first, last = day_of(int(at.min()), zone), day_of(int(at.max()), zone)
        begun = [start_of_day(day, zone) for day in range(first + 1, last + 1)]
        days[rows] = first + np.searchsorted(begun, at, side="right")
    return days


def _u(salt: bytes, joined: Joined) -> float:
    one = joined.decision
    return joined.proof.draw_of(salt, (one.unit_id, one.epoch, one.attempt))


def _values(metrics: Sequence[str], rounds: Sequence[Joined]) -> list[Floats]:
    return [np.array([joined.metrics.get(name, 0.0) for joined in rounds], dtype=np.float64) for name in metrics]
