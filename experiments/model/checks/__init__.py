"""What must hold across a definition's fields, every fault at once, each with its JSON pointer.

A new check is one function and one line in CHECKS. A check names the places without which it would
guess: it is left out where one of them has a fault of shape.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from experiments.errors import Fault, InvalidError
from experiments.model.checks import guarding, limits, measures, policies, schedule, structure, warnings
from experiments.model.checks.shape import parse
from experiments.model.designing.definition import Definition

__all__ = ["CHECKS", "WARNINGS", "Reading", "faults_of", "read_definition", "study", "warnings_of"]


class Finder(Protocol):
    """A check: what it finds wrong (or worth a warning) in a definition of sound shape."""

    def __call__(self, definition: Definition, /) -> Iterable[Fault]:
        """Every fault it finds."""
        ...


CHECKS: tuple[tuple[Finder, tuple[str, ...]], ...] = (
    (structure.keys_are_unique, ()),
    (structure.shares_sum_to_one, ("/variants/*/share",)),
    (structure.control_exists, ("/arms/*/key", "/variants/*/key")),
    (structure.context_names_are_unique, ()),
    (structure.layer_fits, ("/layer",)),
    (structure.rules_compile, ()),
    (policies.specs_build, ()),
    (policies.arms_exist, ("/arms/*/key",)),
    (policies.floors_are_feasible, ("/arms/*/key",)),
    (measures.objective_is_known, ("/metrics/*/name",)),
    (measures.metrics_are_sound, ("/attribution_window",)),
    (measures.costs_fall_due, ("/metrics/*/name",)),
    (schedule.windows_fit, ("/attribution_window", "/learning_window")),
    (schedule.zone_exists, ()),
    (schedule.ramp_rises, ("/ramp",)),
    (schedule.ends_after_start, ("/starts_at", "/ends_at")),
    (guarding.guardrails_are_sound, ("/metrics/*/name", "/arms/*/key", "/variants/*/key", "/guardrails")),
    (guarding.stop_rules_are_sound, ("/variants/*/key", "/stop", "/guardrails")),
    (limits.caps_are_sound, ("/caps", "/arms/*/key")),
    (limits.quiet_hours_are_sound, ("/quiet_hours",)),
    (limits.budget_is_sound, ("/budget", "/starts_at", "/ends_at")),
    (limits.costs_are_countable, ("/budget", "/caps/reward")),
)

WARNINGS: tuple[Finder, ...] = (
    warnings.last_touch_cuts_short,
    warnings.each_call_needs_a_key,
    warnings.own_kinds_must_be_sent,
    warnings.nobody_at_the_start,
    warnings.holdout_is_missing,
    warnings.money_needs_a_cap,
    limits.pacing_has_no_way_out,
)


class Reading(NamedTuple):
    """What was made of a document: the definition (None where a fault was found), its faults and its warnings."""

    definition: Definition | None
    faults: list[Fault]
    warnings: list[Fault]


def read_definition(document: Any) -> Definition:
    """The definition that a JSON document writes. Raises InvalidError with every fault of shape and of meaning."""
    reading = study(document)
    if reading.definition is None:
        raise InvalidError(reading.faults)
    return reading.definition


def study(document: Any) -> Reading:
    """Everything there is to say about a document."""
    definition, shape = parse(document)
    found = list(faults_of(definition, [fault.pointer for fault in shape]))
    faults = sorted({*shape, *found}, key=lambda fault: (fault.pointer, fault.detail))
    return Reading(None, faults, []) if faults else Reading(definition, [], warnings_of(definition))


def faults_of(definition: Definition, misshapen: list[str]) -> Iterator[Fault]:
    """The faults of meaning; `misshapen` are the pointers whose values were replaced to get this definition."""
    for check, places in CHECKS:
        if any(_touch(pointer, place) for pointer in misshapen for place in places):
            continue
        for fault in check(definition):
            if not any(_touch(pointer, fault.pointer) for pointer in misshapen):
                yield fault


def warnings_of(definition: Definition) -> list[Fault]:
    """What is allowed and may surprise."""
    return [warning for find in WARNINGS for warning in find(definition)]


def _touch(pointer: str, place: str) -> bool:
    """Whether one lies within the other; `*` in a place stands for any step."""
    steps = zip(pointer.split("/")[1:], place.split("/")[1:], strict=False)
    return all(expected in ("*", step) for step, expected in steps)
