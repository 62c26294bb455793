"""When a group has too few events for an interval that rests on large samples: one rule for every readout.

What counts is events, not rows: a million rows with three purchases know no more than three purchases tell. Of a 0/1
metric the non-events count as well, whichever are fewer. Where units have several decisions, events are at most units.
"""

FEW = 50
"""Events that each group needs before an interval that rests on large samples claims anything."""


def scarcer(events: float, n: float, zero_or_one: bool) -> float:
    """Events among n observations, or non-events of a 0/1 metric where they are fewer."""
    return min(events, n - events) if zero_or_one else events


DOZENS = 24
"""Events that each arm of a part needs before parts are tested for being different, for Q to be near its law."""
