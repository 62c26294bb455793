"""Does the lift depend on the day a unit came in? All variants but the control, together, against the control.

A unit's value is the objective of its first decision, on the day of that decision in the experiment's time zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from experiments.model.trust_sums import DAYS, SEPARATOR
from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.checks.day_of_week import DayOfWeek
from offline_eval.ab.checks.days import Days
from offline_eval.ab.checks.novelty import Novelty
from offline_eval.ab.sample import VALUE, Sample

FIRST_WEEKDAY = 3
"""1970 began on a Thursday, Monday being 0."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Treated and control by day since 1970."""

    days: Days

    def novelty(self) -> CheckResult:
        """Is there a trend?"""
        return Novelty(self.days).result()

    def day_of_week(self) -> CheckResult:
        """Do weekdays differ?"""
        return DayOfWeek(self.days, FIRST_WEEKDAY).result()


def effects(sums: Mapping[str, Mapping[str, list[float]]], control: str) -> Effects:
    """From the stored sums. Days on which one side has nobody say nothing."""
    sides: dict[int, list[Sample | None]] = {}
    for place, row in sums[DAYS].items():
        variant, day = place.split(SEPARATOR)
        pair = sides.setdefault(int(day), [None, None])
        side = int(variant == control)
        known, sample = pair[side], sample_of(row)
        pair[side] = sample if known is None else known + sample
    return Effects({day: (one, two) for day, (one, two) in sides.items() if one is not None and two is not None})


def sample_of(row: list[float]) -> Sample:
    """From n, Σ y, Σ y² and how many y are not 0."""
    n, total, squares, events = row
    mean = total / n if n else 0.0
    scatter = max(squares - n * mean * mean, 0.0)
    binary = total == squares == events
    return Sample((VALUE,), int(n), np.array([mean]), np.array([[scatter]]), int(events), binary)
