"""When to stop: rules agreed on before the start. To add one: a function here, a line in STOP_RULES."""

from collections.abc import Callable
from dataclasses import dataclass

from offline_eval.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an experiment stands.

    Attributes:
        days: since the start.
        n: matured units.
        primary: the primary contrast's difference, higher better, with an interval that holds under peeking.
        guardrails: differences of the guardrail metrics, higher better, with such intervals.
    """

    days: float
    n: int
    primary: Estimate
    guardrails: tuple[Estimate, ...] = ()


StopRule = Callable[[Progress, float], str | None]
"""(progress, the rule's own limit) → why to stop, or None."""


def date(progress: Progress, limit: float) -> str | None:
    """After `limit` days."""
    return f"{progress.days:.0f} of {limit:g} days have passed" if progress.days >= limit else None


def sample(progress: Progress, limit: float) -> str | None:
    """At `limit` matured units."""
    return f"{progress.n:,} of {limit:,.0f} units have matured" if progress.n >= limit else None


def precision(progress: Progress, limit: float) -> str | None:
    """When half the interval's width is at most `limit`, in the metric's unit."""
    bounds = _bounds(progress.primary)
    if bounds is None or (bounds[1] - bounds[0]) / 2 > limit:
        return None
    return f"the effect is known to ±{(bounds[1] - bounds[0]) / 2:.4g}, as agreed (±{limit:g})"


def futility(progress: Progress, limit: float) -> str | None:
    """When the interval holds nothing as good as `limit`, the least gain worth having."""
    bounds = _bounds(progress.primary)
    if bounds is None or bounds[1] >= limit:
        return None
    return f"at best {bounds[1]:+.4g}, less than the {limit:g} that would be worth having"


def guardrail(progress: Progress, limit: float) -> str | None:
    """When a guardrail is worse than -`limit` with always-valid confidence."""
    found = [bounds for estimate in progress.guardrails if (bounds := _bounds(estimate)) and bounds[1] < -limit]
    return f"a guardrail lost at least {-found[0][1]:.4g}, more than {limit:g}" if found else None


STOP_RULES: dict[str, StopRule] = {
    "date": date,
    "sample": sample,
    "precision": precision,
    "futility": futility,
    "guardrail": guardrail,
}


def _bounds(estimate: Estimate) -> tuple[float, float] | None:
    if estimate.lower is None or estimate.upper is None:
        return None
    return estimate.lower, estimate.upper
