"""Caps on what one unit's revenue counts in verdicts about money: when one is needed, and how one is proposed."""

import math
from typing import Literal, NamedTuple

from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import CAPPED_METRICS
from experiments.model.times import DAY, HOUR, duration_micros

Origin = Literal["imported payments", "earlier experiments"]

LEVEL = 0.99
"""The share of spending units whose revenue a proposed cap leaves whole."""

LEAST_SPENDERS = 100
"""Fewer spending units tell nothing about their highest hundredth."""


class Spending(NamedTuple):
    """What a share LEVEL of `spenders` stays within."""

    most: float
    spenders: int


class CapProposal(NamedTuple):
    """A cap, and what it was read off: `spenders` units (payments: windows in which one paid)."""

    value: float
    origin: Origin
    spenders: int

    def sentence(self, definition: Definition) -> str:
        """Why this value."""
        window = f"within {_in_words(definition)}" if self.origin == "imported payments" else "in all"
        return (
            f"{self.value:,g} {definition.currency}: {100 * LEVEL:g} % of those who spend stay within it {window} "
            f"(from {self.origin}, {self.spenders:,} cases)"
        )


def needs_cap(definition: Definition) -> bool:
    """Whether something is to be said about money and no cap is stated."""
    judged = [definition.objective.maximise, *(rule.metric for rule in definition.guardrails)]
    return definition.cap_revenue is None and any(metric in CAPPED_METRICS for metric in judged)


def proposal_from(found: Spending | None, origin: Origin) -> CapProposal | None:
    """What LEVEL of them stay within, rounded up to two digits; None where too few have spent."""
    if found is None or found.spenders < LEAST_SPENDERS or found.most <= 0:
        return None
    return CapProposal(rounded_up(found.most), origin, found.spenders)


def rounded_up(value: float) -> float:
    """The next number with two significant digits; `value` is above 0."""
    digits = 1 - math.floor(math.log10(value))
    scaled = math.ceil(round(value * 10.0**digits, 9))
    return round(scaled / 10.0**digits, max(digits, 0))


def _in_words(definition: Definition) -> str:
    micros = duration_micros(definition.attribution_window)
    if micros % DAY == 0:
        return "one day" if micros == DAY else f"{micros // DAY} days"
    return f"{micros / HOUR:g} hours"
