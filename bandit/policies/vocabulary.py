"""Feature names → places in a dense vector of bounded size."""

from collections.abc import Iterable
from typing import Any, Self

ADMISSION = 5
"""Sightings before a feature gets a place: rare values of a category must not crowd out what everybody has."""

PENDING_LIMIT = 8192


class Vocabulary:
    """Place 0 is the intercept; names get places as they become frequent, `limit` in all; others share a last place.

    The last place, `size`, is one past the vector: whatever is written there is cut off.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._places: dict[str, int] = {}
        self._pending: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Length of the vector, intercept included."""
        return len(self._places) + 1

    def slot(self, name: str) -> int:
        """The place of a feature."""
        return self._places.get(name, self.size)

    def add(self, names: Iterable[str]) -> None:
        """Count the features of one round, and admit those that have become frequent while there is room."""
        if self.size >= self.limit:
            return
        for name in names:
            if name not in self._places:
                self._count(name)

    def _count(self, name: str) -> None:
        seen = self._pending.pop(name, 0) + 1
        if seen >= ADMISSION and self.size < self.limit:
            self._places[name] = self.size
            return
        if len(self._pending) >= PENDING_LIMIT:
            self._pending.clear()
        self._pending[name] = seen

    def state(self) -> list[Any]:
        """JSON-able."""
        return [list(self._places), self._pending]

    @classmethod
    def restore(cls, limit: int, state: list[Any]) -> Self:
        """The inverse of `state`."""
        vocabulary = cls(limit)
        vocabulary._places = {name: place for place, name in enumerate(state[0], start=1)}
        vocabulary._pending = dict(state[1])
        return vocabulary
