"""A whole design, drawn at random: arms, shares, what they bring, who comes how often, how it is looked at."""

import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from benchmarks.claims.laws import Law, balanced

MOST_DECISIONS = 60_000
SCALE = 20.0
CAPS = (0.9, 0.95, 0.99, 0.999)
"""Quantiles of the spenders at which revenue is capped."""


@dataclass(frozen=True, slots=True)
class People:
    """How decisions lie on people.

    Attributes:
        index: Pareto index of a person's number of decisions; 0: one each.
        most: decisions of one person at most.
        correlation: share of decisions that repeat what the person does anyway.
    """

    index: float = 0.0
    most: int = 1
    correlation: float = 0.0

    def counts(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """(n,) decisions by person."""
        if not self.index:
            return np.ones(n, dtype=np.int64)
        return np.minimum(rng.random(n) ** (-1 / self.index), self.most).astype(np.int64)

    @property
    def mean(self) -> float:
        """Σ_{m ≤ most} P(count ≥ m) = Σ m^-index, decisions a person."""
        return float((np.arange(1.0, self.most + 1) ** -self.index).sum()) if self.index else 1.0


@dataclass(frozen=True, slots=True)
class Design:
    """One campaign to be lived many times.

    Attributes:
        laws: by arm, the control first. effect: "none" (one law), "balanced" (equal means, other rates and tails) or
            "lift". shares: of the units, by arm. horizon: units. looks: while it runs.
        strata: parts of people with base rates of their own; gaps: (stratum, arm) that cannot be drawn.
        revisions: after each of which shares are others. guardrails: 0/1 metrics watched beside the objective.
        policy: that allocates, "" for fixed shares; learning in `batches`, `delay` batches late.
        margin, costs: of money: share of revenue kept, (contact, reward) cost of treated arms.
    """

    family: str
    number: int
    seed: int
    laws: tuple[Law, ...]
    effect: str
    shares: tuple[float, ...]
    horizon: int
    looks: int = 1
    people: People = People()
    strata: int = 1
    gaps: tuple[tuple[int, int], ...] = ()
    revisions: int = 1
    guardrails: int = 0
    policy: str = ""
    floor: float = 0.0
    batches: int = 1
    delay: int = 0
    margin: float = 0.3
    costs: tuple[float, float] = (0.0, 0.0)

    @property
    def arms(self) -> int:
        """Number of arms."""
        return len(self.laws)

    @property
    def effects(self) -> tuple[float, ...]:
        """True differences of the treated arms to the control, exactly 0 in nulls."""
        if self.effect != "lift":
            return (0.0,) * (self.arms - 1)
        return tuple(law.mean - self.laws[0].mean for law in self.laws[1:])

    @property
    def standing(self) -> tuple[float, ...]:
        """What orders the arms, the control's 0 first."""
        return (0.0, *self.effects)

    @property
    def scarce(self) -> int:
        """The arm with the fewest units."""
        return int(np.argmin(self.shares))

    @property
    def expected_events(self) -> float:
        """Units (or decisions) that are not 0, in the scarcer of the first two arms."""
        return min(self.horizon * s * law.rate for s, law in zip(self.shares[:2], self.laws[:2], strict=True))

    @property
    def has_data_enough(self) -> bool:
        """400 spenders in the smaller arm, nearly surely, of something whose range is known."""
        return self.expected_events >= 460 and self.laws[0].limits is not None

    def told(self) -> str:
        """What differs from the plainest design, in a line."""
        plain: Mapping[str, Any] = {f.name: f.default for f in fields(self)}
        kept = {k: v for k, v in asdict(self).items() if v != plain[k] and k not in ("family", "number", "seed")}
        laws = list(dict.fromkeys(_law(law) for law in self.laws))
        kept["laws"] = " / ".join(laws[:3]) + (f" and {len(laws) - 3} more" if len(laws) > 3 else "")
        kept["arms"] = self.arms
        kept["shares"] = "/".join(f"{100 * share:.3g}" for share in self.shares)
        if self.people.index:
            people = self.people
            kept["people"] = f"index {people.index:.2f} to {people.most}, correlation {people.correlation:.2f}"
        else:
            kept.pop("people", None)
        kept["costs"] = "/".join(f"{cost:.3g}" for cost in self.costs)
        shown = {k: f"{v:.3g}" if isinstance(v, float) else v for k, v in kept.items()}
        return ", ".join(f"{k} {v}" for k, v in shown.items())


def _law(law: Law) -> str:
    if law.binary:
        return f"0/1 at {100 * law.rate:.3g} %"
    capped = "no cap" if math.isinf(law.cap) else f"cap {law.cap:.4g}"
    return f"{law.tail} {law.shape:.2f} from {law.scale:.3g} at {100 * law.rate:.3g} % ({capped})"


def luck(family: str, number: int, seed: int, *more: int) -> np.random.Generator:
    """A generator of its own for a design, a stage and a life."""
    return np.random.default_rng([seed, zlib.crc32(family.encode()), number, *more])


def price(cost: float, gained: float) -> float:
    """Cost of each that was gained; where nobody was, every price is wrong."""
    return cost / gained if gained > 0 else -math.inf


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Between the two, evenly in its logarithm."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def draw_law(rng: np.random.Generator, money: float = 0.6) -> Law:
    """A share, or with chance `money` revenue."""
    if rng.random() >= money:
        return Law(log_uniform(rng, 0.0005, 0.5))
    rate = log_uniform(rng, 0.01, 1.0)
    tail, shape = ("lognormal", rng.uniform(0.5, 2.5)) if rng.random() < 0.6 else ("pareto", rng.uniform(1.5, 3.0))
    law = Law(rate, tail, float(shape), SCALE)
    return law if rng.random() < 0.25 else Law(rate, tail, float(shape), SCALE, law.quantile(float(rng.choice(CAPS))))


def draw_laws(rng: np.random.Generator, first: Law, arms: int, effect: str) -> tuple[Law, ...]:
    """The control's law and those of the other arms."""
    if effect == "none":
        return (first,) * arms
    if effect == "lift":
        return (first, *(first.lifted(float(np.exp(rng.normal(0, 0.3)))) for _ in range(arms - 1)))
    low, high = (0.5, 2.5) if first.tail == "lognormal" else (1.5, 3.0)
    return (
        first,
        *(balanced(first, log_uniform(rng, 0.01, 1.0), float(rng.uniform(low, high))) for _ in range(arms - 1)),
    )


def draw_effect(rng: np.random.Generator) -> str:
    """Nulls more often than not."""
    return str(rng.choice(["none", "balanced", "lift"], p=[0.4, 0.3, 0.3]))


def draw_shares(rng: np.random.Generator, arms: int) -> tuple[float, ...]:
    """At least 5 % each, often far from equal."""
    spread = rng.dirichlet(np.ones(arms))
    return tuple(float(share) for share in 0.05 + (1 - 0.05 * arms) * spread)


def draw_people(rng: np.random.Generator, chance: float) -> People:
    """Several decisions each, with that chance."""
    if rng.random() >= chance:
        return People()
    return People(float(rng.uniform(1.1, 3.0)), int(log_uniform(rng, 5, 500)), float(rng.uniform(0, 1)))


def draw_horizon(rng: np.random.Generator, people: People = People(), low: float = 200, high: float = 50_000) -> int:
    """Units, so few that their decisions can be simulated."""
    return int(min(log_uniform(rng, low, high), max(low, MOST_DECISIONS / people.mean)))


def draw_looks(rng: np.random.Generator, horizon: int, arms: int) -> int:
    """1 to 500, at most one for four units, and so few that all pairs of arms can be compared at each."""
    return max(1, min(int(log_uniform(rng, 1, 500)), horizon // 4, 800 // (arms * (arms - 1) // 2)))
