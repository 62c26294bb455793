"""What is allowed in a definition and may surprise."""

from collections.abc import Iterator

from bandit.rounds import NOTHING
from experiments.errors import Fault
from experiments.model.designing.capping import needs_cap
from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import OUTCOME_KINDS


def last_touch_cuts_short(definition: Definition) -> Iterator[Fault]:
    """Outcomes by unit go to the latest decision."""
    if definition.attribution_window > definition.decision_window:
        yield Fault(
            "/attribution_window",
            "is longer than the decision window: a unit's next decision takes the outcomes that come after it, "
            "which cuts the earlier decision's window short",
        )


def each_call_needs_a_key(definition: Definition) -> Iterator[Fault]:
    """Without a window only a key tells a repeat from a new decision."""
    if not definition.decision_window:
        yield Fault("/decision_window", "is zero: each assignment needs an idempotency_key, and each key is an epoch")


def own_kinds_must_be_sent(definition: Definition) -> Iterator[Fault]:
    """A misspelt kind would count nothing."""
    for place, metric in enumerate(definition.metrics):
        own = [kind for kind in metric.kinds if kind not in OUTCOME_KINDS]
        if own:
            yield Fault(f"/metrics/{place}/kinds", f"your own kinds of outcome must be sent: {', '.join(own)}")


def nobody_at_the_start(definition: Definition) -> Iterator[Fault]:
    """A ramp says who is enrolled from its first step on."""
    if definition.ramp and definition.ramp[0].after:
        yield Fault("/ramp/0/after", "nobody is enrolled before the first step; let it be PT0S to start at once")


def holdout_is_missing(definition: Definition) -> Iterator[Fault]:
    """Lift needs something to be measured against."""
    if len(definition.variants) == 1 and definition.control is None:
        yield Fault(
            "/variants",
            f"there is one variant only: without another (such as fixed on {NOTHING!r}) no lift can be measured",
        )


def money_needs_a_cap(definition: Definition) -> Iterator[Fault]:
    """Without a bound no test of a mean holds its level: Bahadur & Savage (1956)."""
    if needs_cap(definition):
        yield Fault(
            "/cap_revenue",
            "is not stated: without it nothing is concluded about revenue or net value, only sums are shown; state up "
            "to how much of one user's revenue is to count",
        )
