"""The simulated users: who they are, and how likely each is to come back for which offer.

Three kinds of people react to different things, and nobody is labelled: the kind has to be read off the context.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

Scalar = float | int | str

REACTIONS: dict[str, dict[str, tuple[float, float]]] = {
    "lapsed parent": {"bonus_quest": (2.2, 2.7), "discount": (0.4, 0.7), "tournament": (-0.4, -0.3)},
    "bargain hunter": {"bonus_quest": (0.1, 0.2), "discount": (1.5, 2.8), "tournament": (-0.2, 0.0)},
    "competitor": {"bonus_quest": (0.4, 0.5), "discount": (0.1, 0.4), "tournament": (2.3, 2.7)},
}
"""Kind of person → event type → what a small and a large reward add to the log-odds of coming back."""

BASELINE = -2.0
"""Log-odds of coming back without any offer, thirty days after the last visit."""


@dataclass(frozen=True, slots=True)
class Person:
    """A simulated inactive user; `kind` stays hidden from the service."""

    unit_id: str
    kind: str
    context: Mapping[str, Scalar]

    def chance(self, event_type: str | None, large: bool) -> float:
        """The probability of coming back after this offer (None: none)."""
        odds = BASELINE - 0.006 * (float(self.context["days_inactive"]) - 30)
        if event_type is not None:
            odds += REACTIONS[self.kind][event_type][large]
        return 1.0 / (1.0 + math.exp(-odds))


def population(size: int, seed: int) -> list[Person]:
    """The same people for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    return [_person(rng, number) for number in range(size)]


def _person(rng: random.Random, number: int) -> Person:
    kind = rng.choice(list(REACTIONS))
    context: dict[str, Scalar] = {
        "days_inactive": rng.randint(30, 180),
        "orders": rng.randint(0, 12) + (8 if kind == "bargain hunter" else 0),
        "children": int(rng.random() < (0.9 if kind == "lapsed parent" else 0.15)),
        "coupon_share": round(rng.betavariate(8, 3) if kind == "bargain hunter" else rng.betavariate(2, 6), 2),
        "matches_played": rng.randint(20, 90) if kind == "competitor" else rng.randint(0, 25),
        "country": rng.choice(("DE", "FR", "PL")),
    }
    return Person(f"demo-{number:06d}", kind, context)
