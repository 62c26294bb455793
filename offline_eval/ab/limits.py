"""Between which numbers what one unit adds to a metric is known to lie, before anything is seen."""

Limits = tuple[float, float]
"""(least, most): (0, cap) of revenue capped per unit; (-largest cost, margin x cap) of net value after capping; (0, 1)
of a 0/1 metric of one decision a unit."""


def both_limits(one: Limits | None, other: Limits | None) -> Limits | None:
    """Limits of two groups together; None where one of them has none."""
    if one is None or other is None:
        return None
    return min(one[0], other[0]), max(one[1], other[1])
