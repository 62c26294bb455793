"""Treated and control by day: what novelty and day-of-week effects are read from."""

from collections.abc import Mapping

from offline_eval.ab.heterogeneity import Effect
from offline_eval.ab.sample import Sample

Days = Mapping[int, tuple[Sample, Sample]]
"""Day since the start (day 0 with its weekday 0) → (treated, control) of the units first decided for on that day."""

LEAST_UNITS = 50


def merged_days(one: Days, other: Days) -> dict[int, tuple[Sample, Sample]]:
    """Units of both."""
    days = dict(one)
    for day, (treated, control) in other.items():
        mine = days.get(day)
        days[day] = (mine[0] + treated, mine[1] + control) if mine else (treated, control)
    return days


def effect_of(treated: Sample, control: Sample) -> Effect | None:
    """The lift and its variance; None with fewer than 50 units in a group, or without variation."""
    if min(treated.n, control.n) < LEAST_UNITS:
        return None
    variance = treated.variance / treated.n + control.variance / control.n
    return Effect(treated.value - control.value, variance) if variance > 0 else None
