"""Counting how often something holds, with exact binomial bounds, and telling it in markdown."""

from collections.abc import Iterable
from dataclasses import dataclass

from scipy.special import betaincinv

TAIL = 0.001
"""A claim fails when chance is ruled out at one in a thousand (one-sided)."""


@dataclass
class Rate:
    """Hits among tries."""

    hits: int = 0
    tries: int = 0
    width: float = 0.0

    def add(self, hit: bool, width: float = 0.0) -> None:
        self.hits += bool(hit)
        self.tries += 1
        self.width += width

    @property
    def value(self) -> float:
        return self.hits / self.tries if self.tries else float("nan")

    @property
    def mean_width(self) -> float:
        return self.width / self.tries if self.tries else float("nan")

    @property
    def lower(self) -> float:
        """One-sided 99.9 % bound."""
        return float(betaincinv(self.hits, self.tries - self.hits + 1, TAIL)) if self.hits else 0.0

    @property
    def upper(self) -> float:
        """One-sided 99.9 % bound."""
        left = self.tries - self.hits
        return float(betaincinv(self.hits + 1, left, 1 - TAIL)) if left else 1.0

    def covers(self, nominal: float = 0.95) -> str:
        """A claim "at least nominal" stands unless even the upper bound is below it."""
        return "yes" if self.upper >= nominal else "**no**"

    def at_most(self, nominal: float) -> str:
        """A claim "at most nominal" stands unless even the lower bound is above it."""
        return "yes" if self.lower <= nominal else "**no**"

    def told(self) -> str:
        return f"{self.value:.4f} | {self.lower:.4f} to {self.upper:.4f} | {self.tries}"


def table(title: str, header: str, rows: Iterable[str]) -> None:
    """One markdown table on stdout, flushed so that a long run shows where it is."""
    columns = header.count("|") + 1
    print(f"\n### {title}\n\n| {header} |\n|{'---|' * columns}")
    for row in rows:
        print(f"| {row} |", flush=True)
