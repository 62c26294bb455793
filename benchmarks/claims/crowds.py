"""People with several decisions, and their sums by bucket after every look: what the totals tier keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.claims.designs import Design
from benchmarks.claims.laws import Floats, Law
from benchmarks.claims.samples import BUCKETS, bucketed_of
from offline_eval.ab.bucketed import Bucketed, Linearised

Integers = np.ndarray


@dataclass(frozen=True, slots=True)
class Crowd:
    """n decisions, of each person in the order of time.

    Attributes:
        person, look, revision, group: (n,) codes. bucket: (n,) of the person.
        new: (n,) the person's first decision in that group.
        value: (n,) what was earned; with a cap, what was added to the person's capped total in the revision.
    """

    person: Integers
    look: Integers
    revision: Integers
    group: Integers
    bucket: Integers
    new: Integers
    value: Floats


def crowd(design: Design, rng: np.random.Generator) -> Crowd:
    """One life of a design with fixed shares. A person whose group changes with the revision is in both."""
    people = design.horizon
    counts = design.people.counts(rng, people)
    person = np.repeat(np.arange(people), counts)
    time = np.sort(person + rng.random(len(person))) - person  # sorted within persons, who lie beside each other
    came = rng.random(people)[person]
    look = np.minimum(((came + (1 - came) * time) * design.looks).astype(int), design.looks - 1)
    revision = look * design.revisions // design.looks
    group = (rng.random(people)[person][:, None] >= _borders(design)[revision]).sum(axis=1)
    bucket = rng.integers(0, BUCKETS, people)[person]
    key = person * design.revisions + revision
    value = _capped(_values(design, rng, person, group, revision), key, design.laws[0].cap)
    new = np.zeros(len(person), dtype=bool)
    new[np.unique(person * design.arms + group, return_index=True)[1]] = True
    return Crowd(person, look, revision, group, bucket, new, value)


def base_rate(revision: Integers | int) -> Floats:
    """What every rate is multiplied with in a revision: seasons, the same for all groups."""
    return 1.0 / (1.0 + 0.6 * np.asarray(revision))


def _borders(design: Design) -> Floats:
    """(revisions, arms - 1) cumulated shares: in every other revision the other way round."""
    shares = np.array(design.shares)
    rows = [np.cumsum(shares if r % 2 == 0 else shares[::-1])[:-1] for r in range(design.revisions)]
    return np.array(rows)


def _values(design: Design, rng: np.random.Generator, person: Integers, group: Integers, revision: Integers) -> Floats:
    """(n,) uncapped amounts; a share `correlation` of decisions repeats what the person does anyway."""
    value = np.zeros(len(person))
    steady = rng.random(len(person)) < design.people.correlation
    for arm, law in enumerate(design.laws):
        mine = np.flatnonzero(group == arm)
        habits = law.values(rng, int(person.max()) + 1) if design.people.index else None
        own = law.values(rng, len(mine))
        value[mine] = own if habits is None else np.where(steady[mine], habits[person[mine]], own)
    return value if design.revisions == 1 else value * (rng.random(len(person)) < base_rate(revision))


def _capped(value: Floats, key: Integers, cap: float) -> Floats:
    """Increments of min(cap, running total) of each key; equal keys lie beside each other."""
    if not np.isfinite(cap):
        return value
    total = np.cumsum(value)
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    before = np.repeat(total[starts] - value[starts], np.diff(starts, append=len(key)))
    now, earlier = np.minimum(total - before, cap), np.minimum(total - before - value, cap)
    return np.maximum(now - earlier, 0.0)


@dataclass(frozen=True, slots=True)
class Rollups:
    """Running sums of all groups of a crowd after every look.

    Attributes:
        totals, sizes: (K, L + 1, B), the first row empty. rounds, units, hits: (K, L + 1).
        ends: (revisions + 1,) the look at which each revision begins, and the end.
    """

    totals: Floats
    sizes: Floats
    rounds: Floats
    units: Floats
    hits: Floats
    ends: Integers

    @classmethod
    def of(cls, design: Design, seen: Crowd) -> "Rollups":
        """From decisions."""
        shape = (design.arms, design.looks, BUCKETS)
        place = (seen.group * design.looks + seen.look) * BUCKETS + seen.bucket
        by_bucket = [_running(np.bincount(place, w, int(np.prod(shape))).reshape(shape)) for w in (seen.value, None)]
        place //= BUCKETS
        flat = [
            np.bincount(place, w, shape[0] * shape[1]).reshape(shape[:2]) for w in (None, seen.new, seen.value != 0)
        ]
        rounds, units, hits = (_running(sums) for sums in flat)
        looks = np.arange(design.looks) * design.revisions // design.looks
        ends = np.searchsorted(looks, np.arange(design.revisions + 1))
        return cls(by_bucket[0], by_bucket[1], rounds, units, hits, ends)

    def strata(self, sums: Floats, arm: int, look: int) -> Floats:
        """(S, B) sums by revision after a look (counted from 1)."""
        edges = np.minimum(self.ends, look)
        return np.diff(sums[arm][edges], axis=0)

    def weights(self, look: int) -> Floats:
        """(S,) decisions by revision, of all groups."""
        counted = self.rounds.sum(axis=0)[np.minimum(self.ends, look)]
        return np.diff(counted)

    def group(self, arm: int, look: int, law: Law) -> Bucketed:
        """One group's sums after a look."""
        totals, sizes = (self.strata(sums, arm, look) for sums in (self.totals, self.sizes))
        counts = int(self.rounds[arm, look]), int(self.units[arm, look]), float(self.hits[arm, look])
        return bucketed_of(totals, sizes, self.weights(look), counts, law)

    def linearised(self, look: int, laws: Sequence[Law]) -> list[Linearised]:
        """Every group's, ready for contrasts."""
        return [Linearised.of(self.group(arm, look, law)) for arm, law in enumerate(laws)]


def _running(sums: Floats) -> Floats:
    """(K, L, …) → (K, L + 1, …) running sums along the looks."""
    nothing = np.zeros((sums.shape[0], 1, *sums.shape[2:]))
    return np.concatenate([nothing, np.cumsum(sums, axis=1)], axis=1)
