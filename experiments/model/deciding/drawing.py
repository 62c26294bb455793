"""The draw from a stored pmf: the same arithmetic as bandit.policy.draw, without building arrays."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from experiments.model.deciding.hashing import h


def draw_number(salt: bytes, unit_id: str, epoch: int, attempt: int) -> float:
    """u in [0, 1): independent of the variant, of other epochs and of other attempts."""
    return h(salt, "draw", unit_id, str(epoch), str(attempt))


def draw_place(pmf: Sequence[float], u: float) -> int:
    """Inverse cdf: the first place whose cumulated probability exceeds u; never one of probability zero."""
    cumulated = list(accumulate(pmf))
    place = bisect_right(cumulated, u * cumulated[-1])
    last = len(pmf) - 1
    while not pmf[last]:
        last -= 1
    return min(place, last)
