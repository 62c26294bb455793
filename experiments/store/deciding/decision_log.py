"""The log of decisions as the hot path uses it: look up a batch, append a batch. One implementation per database.

Neither goes through SQLAlchemy: a session per request would cost ten times the decision itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from experiments.model.deciding.decisions import MAX_INSTANT, DecisionRow
from experiments.model.erasing import unit_hash
from experiments.store.limits.ledger import Ledger, LimitsKnown, LimitsWanted


class Stored(NamedTuple):
    """A decision as it is in the database, and whether it was voided."""

    row: DecisionRow
    voided: bool


class Head(NamedTuple):
    """What changes of an experiment between two looks: its version and the caller's clock."""

    version: int
    clock_now: int | None


@dataclass(slots=True)
class Wanted:
    """What a batch needs to know of one experiment: units, idempotency keys, whether its learners' heads, limits."""

    units: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    learners: bool = False
    limits: LimitsWanted | None = None


@dataclass(slots=True)
class Known:
    """What the database knew: `latest` by (experiment, unit), `keyed` by (experiment, key).

    Profiles, the features of segments and the facts of histories are JSON text by unit; `written` says when the profile
    and the segments (None: not known) were. `erased` maps the units of
    erased persons to what stands in their place, `erased_at` is when anybody was erased last.
    """

    latest: dict[tuple[int, str], Stored] = field(default_factory=dict)
    keyed: dict[tuple[int, str], Stored] = field(default_factory=dict)
    profiles: dict[str, str] = field(default_factory=dict)
    segments: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    written: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    erased: dict[str, str] = field(default_factory=dict)
    erased_at: int = 0
    heads: dict[int, Head] = field(default_factory=dict)
    learners: dict[int, dict[str, int]] = field(default_factory=dict)
    limits: LimitsKnown = field(default_factory=LimitsKnown)


class DecisionLog(Protocol):
    """Raises UnavailableError from every method where the database is away or doesn't answer in time."""

    async def look_up(self, wanted: Mapping[int, Wanted]) -> Known:
        """The latest decision of each unit and of each key, profiles, versions, limits."""
        ...

    async def append(
        self,
        rows: Sequence[DecisionRow],
        clocks: Mapping[int, int],
        ledger: Ledger | None = None,
        erased_at: int = MAX_INSTANT,
    ) -> set[int]:
        """Commit the rows that meet no other of their place or key, none of them where somebody was erased since
        `erased_at`, with what they use of limits, and advance callers'
        clocks; ids committed. Raises LimitLeaseLostError, nothing stored, where what they use is not ours any more.
        """
        ...

    async def close(self) -> None:
        """Let go of connections, after what is under way."""
        ...


ANY_ERASED = "SELECT value FROM service_settings WHERE name = 'erasure_key' AND EXISTS (SELECT 1 FROM erasures)"
"""The key of hashes where somebody was erased: else no unit need be hashed."""


ERASED_AT = "SELECT coalesce(max(erased_at), 0) FROM erasures"
"""When anybody was erased last; it only ever rises."""


def hashes_of(setting: str, units: Iterable[str]) -> dict[str, str]:
    """Hash → unit, under the key that ANY_ERASED found."""
    key = bytes.fromhex(msgspec.json.decode(setting)["key"])
    return {unit_hash(key, unit): unit for unit in units}


def after_a_loss(rows: Sequence[DecisionRow], committed: Collection[int]) -> list[int]:
    """Ids of rows that were stored although an earlier one of their unit was not: rows of a unit come by their places.

    Where the earlier one lost by its idempotency key, nobody would ever take its place.
    """
    lost, found = set[tuple[int, str]](), []
    for row in rows:
        unit = row.experiment_id, row.unit_id
        if row.id not in committed:
            lost.add(unit)
        elif unit in lost:
            found.append(row.id)
    return found


def clock_updates(clocks: Mapping[int, int]) -> Iterable[tuple[int, int, int, int]]:
    """Parameters of the statement that advances a caller's clock, whose first reading is the experiment's start."""
    return ((at, at, at, experiment_id) for experiment_id, at in clocks.items())
