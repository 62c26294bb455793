"""Checks on windows and times."""

from collections.abc import Iterator
from itertools import pairwise

from experiments.errors import Fault
from experiments.model.designing.definition import Definition
from experiments.model.zones import zone_fault


def windows_fit(definition: Definition) -> Iterator[Fault]:
    """Outcomes need a window to count in, and learning cannot wait for more than it holds."""
    if not definition.attribution_window:
        yield Fault("/attribution_window", "must be longer than zero, or no outcome could count")
    learning = definition.learning_window
    if learning is not None and learning > definition.attribution_window:
        yield Fault("/learning_window", "is longer than the attribution window")
    if learning is not None and not learning:
        yield Fault("/learning_window", "must be longer than zero; null: learn when the attribution window closes")


def zone_exists(definition: Definition) -> Iterator[Fault]:
    """The time zone is one of the IANA database."""
    if detail := zone_fault(definition.time_zone):
        yield Fault("/time_zone", detail)


def ramp_rises(definition: Definition) -> Iterator[Fault]:
    """Who was enrolled stays enrolled: later steps have larger shares."""
    for place, (before, step) in enumerate(pairwise(definition.ramp), start=1):
        if step.after <= before.after:
            yield Fault(f"/ramp/{place}/after", "must come after the step before it")
        if step.share < before.share:
            yield Fault(f"/ramp/{place}/share", f"falls below the {before.share:g} of the step before it")


def ends_after_start(definition: Definition) -> Iterator[Fault]:
    """An experiment has a duration."""
    starts, ends = definition.starts_at, definition.ends_at
    if starts is not None and ends is not None and starts >= ends:
        yield Fault("/ends_at", "must come after starts_at")
