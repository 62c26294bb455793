"""Worlds of money: few spend, tails are heavy, one group is small; the same mean in both groups, or a lift."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from offline_eval.ab.bucketed import Bucketed
from offline_eval.ab.sample import VALUE, Sample

Floats = np.ndarray

BUCKETS = 256


@dataclass(frozen=True)
class Spending:
    """What one unit brings: nothing, or an amount of `tail` times `scale`.

    Attributes:
        rate: share of units that spend. tail: σ of a lognormal, or minus the index of a Pareto from 1 on.
    """

    rate: float
    tail: float
    scale: float = 1.0

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """(n,) uncapped."""
        spends = np.flatnonzero(rng.random(n) < self.rate)
        noise = (
            rng.lognormal(0.0, self.tail, len(spends)) if self.tail > 0 else rng.random(len(spends)) ** (1 / self.tail)
        )
        values = np.zeros(n)
        values[spends] = self.scale * noise
        return values

    def quantile(self, p: float) -> float:
        """Of those who spend."""
        return self.scale * float(np.exp(self.tail * ndtri(p)) if self.tail > 0 else (1 - p) ** (1 / self.tail))

    def mean(self, cap: float) -> float:
        """Of min(amount, cap), exact."""
        c = cap / self.scale
        if self.tail > 0:
            z = np.log(c) / self.tail
            each = np.exp(self.tail**2 / 2) * ndtr(z - self.tail) + c * ndtr(-z)
        else:
            index = -self.tail
            each = c if c < 1 else (index - c ** (1 - index)) / (index - 1)
        return self.rate * self.scale * float(each)

    def with_mean(self, mean: float, cap: float) -> "Spending":
        """Scaled so that the capped mean is this; it must lie below rate x cap."""
        low, high = 1e-6, 1e6
        for _ in range(100):
            middle = (low * high) ** 0.5
            low, high = (middle, high) if replace(self, scale=middle).mean(cap) < mean else (low, middle)
        return replace(self, scale=low)


class Counts(NamedTuple):
    """Units, mean, variance between units and spenders, each of shape (2, looks): treated, control."""

    n: Floats
    mean: Floats
    variance: Floats
    events: Floats


@dataclass(frozen=True)
class World:
    """Two groups of one experiment.

    Attributes:
        share: of the treated group. cap: on what one unit counts.
    """

    share: float
    treated: Spending
    control: Spending
    cap: float

    @classmethod
    def null(cls, share: float, treated: Spending, control: Spending) -> "World":
        """The same capped mean in both; the cap is the 99th percentile of the spenders with the heavier tail."""
        cap = max(treated.quantile(0.99), control.quantile(0.99))
        mean = min(control.mean(cap), 0.9 * treated.rate * cap)
        return cls(share, treated.with_mean(mean, cap), control.with_mean(mean, cap), cap)

    def told(self) -> str:
        """For a table."""
        tails = [f"σ {s.tail:g}" if s.tail > 0 else f"Pareto {-s.tail:g}" for s in (self.treated, self.control)]
        return (
            f"{self.share:.0%} treated, {self.treated.rate:.0%} {tails[0]} against {self.control.rate:.0%} {tails[1]}"
        )

    def life(self, rng: np.random.Generator, units: int, looks: int) -> "Life":
        """Units in the order in which they came, at equally spaced looks."""
        treated, bucket = rng.random(units) < self.share, rng.integers(0, BUCKETS, units)
        values = np.empty(units)
        for side, spending in ((True, self.treated), (False, self.control)):
            values[treated == side] = spending.draw(rng, int((treated == side).sum()))
        return Life(np.minimum(values, self.cap), treated, bucket, looks, self.cap)


@dataclass(frozen=True)
class Life:
    """One life of an experiment."""

    values: Floats
    treated: Floats
    bucket: Floats
    looks: int
    cap: float

    def counts(self) -> Counts:
        """Of both groups' units at every look."""
        edges = np.linspace(0, len(self.values), self.looks + 1).astype(int)[1:] - 1
        kept = np.stack([self.treated, ~self.treated]).astype(float)
        columns = (kept, kept * self.values, kept * self.values**2, kept * (self.values != 0))
        n, total, squares, events = (np.cumsum(column, axis=1)[:, edges] for column in columns)
        n = np.maximum(n, 1.0)
        mean = total / n
        return Counts(n, mean, np.maximum(squares - n * mean**2, 0.0) / np.maximum(n - 1, 1), events)

    def rows(self) -> Iterator[tuple[Sample, Sample]]:
        """Both groups' samples at every look."""
        counts = self.counts()
        for look in range(self.looks):
            yield self._sample(counts, 0, look), self._sample(counts, 1, look)

    def _sample(self, counts: Counts, side: int, look: int) -> Sample:
        n, mean, variance, events = (float(each[side, look]) for each in counts)
        scatter = np.array([[variance * (n - 1)]])
        return Sample((VALUE,), int(n), np.array([mean]), scatter, int(events), False, limits=(0.0, self.cap))

    def buckets(self) -> Iterator[tuple[Bucketed, Bucketed]]:
        """Both groups' sums by bucket at every look."""
        look = np.arange(len(self.values)) * self.looks // len(self.values)
        sums = []
        for side in (True, False):
            kept = self.treated == side
            place = look[kept] * BUCKETS + self.bucket[kept]
            for weight in (self.values[kept], None, self.values[kept] != 0):
                counted = np.bincount(place, weight, self.looks * BUCKETS).reshape(self.looks, BUCKETS)
                sums.append(np.cumsum(counted, axis=0))
        for at in range(self.looks):
            yield self._bucketed(*(each[at] for each in sums[:3])), self._bucketed(*(each[at] for each in sums[3:]))

    def _bucketed(self, totals: Floats, sizes: Floats, events: Floats) -> Bucketed:
        n = int(sizes.sum())
        one = np.ones(1)
        return Bucketed(totals[None], sizes[None].astype(float), one, n, n, False, float(events.sum()), (0.0, self.cap))


TAILS = (0.5, 1.5, 2.5, -1.5)

NULLS = [
    *(World.null(share, Spending(0.1, tail), Spending(0.1, tail)) for share in (0.95, 0.5, 0.05) for tail in TAILS),
    *(World.null(share, Spending(rate, 2.0), Spending(rate, 2.0)) for share in (0.95, 0.9) for rate in (0.01, 1.0)),
    *(World.null(share, Spending(0.05, 0.5), Spending(0.2, 2.5)) for share in (0.95, 0.5, 0.05)),
    *(World.null(share, Spending(0.2, 2.5), Spending(0.05, 0.5)) for share in (0.95, 0.5, 0.05)),
    *(World.null(share, Spending(0.3, 1.0), Spending(0.1, -1.5)) for share in (0.95, 0.5)),
]
"""Plain A/A first; then equal capped means with other spend rates and tails."""
