"""Between which numbers what one unit adds to a metric is known to lie, before anything is seen; and without that."""

from typing import Protocol

Limits = tuple[float, float]
"""(least, most): (0, cap) of revenue capped per unit; (-largest cost, margin x cap) of net value after capping; (0, 1)
of a 0/1 metric of one decision a unit."""


def both_limits(one: Limits | None, other: Limits | None) -> Limits | None:
    """Limits of two groups together; None where one of them has none."""
    if one is None or other is None:
        return None
    return min(one[0], other[0]), max(one[1], other[1])


LIGHT = 0.1
"""Skewness of a mean up to which large-sample intervals are given without limits.

Above it they do not hold, and where tails are heavy hardly any mean is below it, however many units there are: see
docs/results/readout_money.md.
"""

REMEDY = "state a limit beforehand (range in a log's spec, cap_revenue in an experiment)"

UNLIMITED = (
    f"no bounds: a few large values decide this number, and nothing limits what one unit can add to it; {REMEDY}"
)
"""Why a mean or a contrast of a skewed metric without limits has no bounds, and what to do.

Who knows more of the metric says something better in place of REMEDY.
"""


class Tailed(Protocol):
    """A group whose mean has a skewness, 0/1 or within limits or neither."""

    @property
    def binary(self) -> bool:
        """Every value is 0 or 1."""
        ...

    @property
    def limits(self) -> Limits | None:
        """Of one unit."""
        ...

    @property
    def skewness(self) -> float:
        """Of the group's mean, as estimated; infinite where it is not known."""
        ...

    @property
    def varies(self) -> bool:
        """Whether its units differ at all."""
        ...


def light(*groups: Tailed) -> bool:
    """Whether all are 0/1, or each is within limits or hardly skewed.

    A group without any variation tells nothing of a tail: beside one that varies, a rare large value that
    it did not meet may decide.
    """
    if all(group.binary for group in groups):
        return True
    varied = [group.varies for group in groups]
    silent = [any(varied) and not varies for varies in varied]
    known = zip(groups, silent, strict=True)
    return all(group.limits is not None or (abs(group.skewness) <= LIGHT and not mute) for group, mute in known)
