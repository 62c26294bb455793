"""Whether segments differ, where none does: base rates differ, the lift is one and the same."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.claims.counting import Seen
from benchmarks.claims.designs import Design, draw_horizon, draw_law, draw_people
from benchmarks.claims.laws import Law
from benchmarks.claims.samples import BUCKETS, bucketed_of
from experiments.views.readout.parts import differ
from offline_eval.ab.bucketed import Linearised


@dataclass(frozen=True, slots=True)
class Part:
    """A group of one segment as `differ` asks for it."""

    ready: Linearised

    def linearised(self, _metric: str) -> Linearised:
        """Of the only metric there is."""
        return self.ready


def draw(rng: np.random.Generator, made: Design) -> Design:
    """2 to 20 segments of a variant and its control."""
    people, law = draw_people(rng, 0.3), draw_law(rng)
    share = float(rng.uniform(0.05, 0.95))
    strata = int(rng.integers(2, 21))
    horizon = draw_horizon(rng, people, 2_000)
    return replace(made, laws=(law, law), shares=(share, 1 - share), horizon=horizon, strata=strata, people=people)


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One campaign, looked at once."""
    segment = rng.choice(design.strata, design.horizon, p=rng.dirichlet(np.full(design.strata, 2.0)))
    pairs = {}
    for code in range(design.strata):
        n = int((segment == code).sum())
        law = replace(design.laws[0], rate=design.laws[0].rate / (1 + code % 3))
        sizes = rng.multinomial(n, design.shares)
        pairs[str(code)] = {"treated": tuple(_part(design, int(sizes[place]), law, rng) for place in (1, 0))}
    found = differ(pairs, ["metric"], "segments")["treated"]["metric"]
    told = found["p_value"] is not None
    yield Seen("discovery: segments differ", told, told and found["p_value"] <= 0.05)
    named = told and found["p_value"] <= 0.05 and min(found["differing"].values()) <= 0.05
    yield Seen("discovery: a segment named", told, named)


def _part(design: Design, people: int, law: Law, rng: np.random.Generator) -> Part:
    person = np.repeat(np.arange(people), design.people.counts(rng, people))
    steady = rng.random(len(person)) < design.people.correlation
    value = np.where(steady, law.values(rng, max(people, 1))[person], law.values(rng, len(person)))
    bucket = rng.integers(0, BUCKETS, people)[person]
    totals, sizes = (np.bincount(bucket, w, BUCKETS)[None].astype(float) for w in (value, None))
    counts = len(person), people, float(np.count_nonzero(value))
    return Part(Linearised.of(bucketed_of(totals, sizes, np.array([1.0]), counts, law)))
