"""Arms that nobody has seen the outcomes of yet get no more than a part of an equal share.

Where outcomes come days late, an arm that enters is the most uncertain one for thousands of decisions, and whatever
seeks uncertainty would send nearly everybody to it before the first outcome could warn. Decisions under way cannot be
counted in a snapshot that is a pure function of what has matured, so the share itself is held until enough has.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bandit.rounds import Arm, Round

Floats = NDArray[np.float64]

KNOWN_FROM = 30
"""Matured rounds after which an arm is no newcomer any more."""

SHARE = 0.7
"""A newcomer among K arms has at most this much of an equal share: SHARE / K."""


class Newcomers:
    """Counts the matured rounds of each arm, up to KNOWN_FROM.

    Nothing is held while every arm could still be one: until KNOWN_FROM rounds an arm have been learned in all, the
    policy's own start is the right one.
    """

    def __init__(self, counts: dict[str, int] | None = None) -> None:
        self._counts = dict(counts or {})

    def add(self, rounds: Sequence[Round]) -> None:
        """Count matured rounds."""
        for logged in rounds:
            key = logged.arms[logged.chosen].key
            self._counts[key] = min(self._counts.get(key, 0) + 1, KNOWN_FROM)

    def held(
        self, pmf: Floats, arms: Sequence[Arm], rows_seen: int, floor: float, among: Callable[[Sequence[Arm]], Floats]
    ) -> Floats:
        """Probabilities (..., K) with newcomers held to SHARE / K, or the floor where that is more.

        What they lose goes to the known arms as the policy would choose if there were no others: `among` gives these
        probabilities (..., known arms), before any floor, and is asked only where something was lost. The known arms'
        own shares could not tell: where a newcomer takes all but the floor, the worst of them holds as much as the
        best. Unchanged where all arms are new, or none.
        """
        count = len(arms)
        if rows_seen < KNOWN_FROM * count:
            return pmf
        new = np.array([self._counts.get(arm.key, 0) < KNOWN_FROM for arm in arms])
        if not new.any() or new.all():
            return pmf
        most = max(SHARE / count, floor)
        lost = np.maximum(pmf - most, 0.0) * new
        if not lost.any():
            return pmf
        held: Floats = np.where(new, np.minimum(pmf, most), pmf)
        known = tuple(arm for arm, fresh in zip(arms, new, strict=True) if not fresh)
        own = among(known) if len(known) > 1 else np.ones((*pmf.shape[:-1], 1))
        held[..., ~new] += lost.sum(axis=-1, keepdims=True) * own
        return held

    def state(self) -> dict[str, int]:
        """JSON-able."""
        return self._counts
