"""Families of designs, each through one part of the product. To add one: a file with `draw` and `life`, a line here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.claims.counting import Seen
from benchmarks.claims.designs import Design, luck
from benchmarks.claims.families import (
    arms,
    buckets,
    buckets_running,
    checks,
    logs,
    portfolio,
    replays,
    rows,
    rows_running,
    segments,
)


@dataclass(frozen=True, slots=True)
class Family:
    """How designs are drawn, and lived once.

    Attributes:
        effort: lives for each that the cheapest family lives.
    """

    draw: Callable[[np.random.Generator, Design], Design]
    life: Callable[[Design, np.random.Generator], Iterator[Seen]]
    effort: float = 1.0


FAMILIES: dict[str, Family] = {
    "rows": Family(rows.draw, rows.life),
    "rows_running": Family(rows_running.draw, rows_running.life, 0.5),
    "buckets": Family(buckets.draw, buckets.life),
    "buckets_running": Family(buckets_running.draw, buckets_running.life, 0.5),
    "segments": Family(segments.draw, segments.life),
    "portfolio": Family(portfolio.draw, portfolio.life, 0.5),
    "checks": Family(checks.draw, checks.life, 0.5),
    "arms": Family(arms.draw, arms.life, 0.1),
    "logs": Family(logs.draw, logs.life, 0.25),
    "replays": Family(replays.draw, replays.life, 0.1),
}


def design_of(family: str, number: int, seed: int) -> Design:
    """The design of that number; the same whatever else is run."""
    made = Design(family, number, seed, (), "none", (), 0)
    return FAMILIES[family].draw(luck(family, number, seed, 0), made)


def designs_of(count: int, seed: int, family: str | None = None) -> list[Design]:
    """`count` designs of one family, or of all in turn."""
    names = [family] if family else list(FAMILIES)
    return [design_of(names[number % len(names)], number, seed) for number in range(count)]
