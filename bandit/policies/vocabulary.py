"""Which features a policy knows by name: what is rare crowds out nothing, and tells nobody's secrets.

A value of a category is learned once it has been seen with LEAST_PEOPLE people. Before that, and where there are more
values than room, it counts as one that nobody knows yet.
"""

from collections.abc import Iterable
from typing import Any, Self

from bandit.features import feature_index, is_level, unknown_level
from bandit.policies.crowds import Crowds

ADMISSION = 5
"""Sightings before a name of the context's own gets a place."""

LEAST_PEOPLE = 20
"""People before a value of a category gets one."""

LEVELS_LIMIT = 65_536


class Vocabulary:
    """Feature names → places in a dense vector of bounded size.

    Place 0 is the intercept; names get places as they become frequent, `limit` in all; others share a last place.
    The last place, `size`, is one past the vector: whatever is written there is cut off.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._places: dict[str, int] = {}
        self._pending = Crowds()

    @property
    def size(self) -> int:
        """Length of the vector, intercept included."""
        return len(self._places) + 1

    def slot(self, name: str) -> int:
        """The place of a feature."""
        return self._places.get(name, self.size)

    def add(self, names: Iterable[str], person: int | None = None) -> None:
        """Count the features of one round, and admit those that have become frequent while there is room."""
        if self.size >= self.limit:
            return
        for name in names:
            if name not in self._places:
                self._count(name, person)

    def _count(self, name: str, person: int | None) -> None:
        level = is_level(name)
        if self._pending.add(name, person if level else None) < (LEAST_PEOPLE if level else ADMISSION):
            return
        if self.size < self.limit:
            self._pending.drop(name)
            self._places[name] = self.size

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return {"names": list(self._places), "pending": self._pending.state()}

    @classmethod
    def restore(cls, limit: int, state: dict[str, Any] | list[Any]) -> Self:
        """The inverse of `state`. Snapshots of before are lists; what they have pending, by name, is counted anew."""
        names, pending = (state["names"], state["pending"]) if isinstance(state, dict) else (state[0], {})
        vocabulary = cls(limit)
        vocabulary._places = {name: place for place, name in enumerate(names, start=1)}
        vocabulary._pending = Crowds(pending)
        return vocabulary


class Levels:
    """Values of categories → indices of hashed features: their own once they are known, else their category's
    for values that are not."""

    def __init__(self, known: Iterable[int] | None = (), pending: Crowds | None = None) -> None:
        self._known = None if known is None else set(known)
        self._pending = pending or Crowds()

    def index_of(self, name: str) -> int:
        """The index of any feature."""
        index = feature_index(name)
        if self._known is None or index in self._known or not is_level(name):
            return index
        return feature_index(unknown_level(name))

    def add(self, names: Iterable[str], person: int | None = None) -> None:
        """Count the values of one round, and learn those by name that enough people share."""
        if self._known is None or len(self._known) >= LEVELS_LIMIT:
            return
        for name in names:
            new = is_level(name) and feature_index(name) not in self._known
            if new and self._pending.add(name, person) >= LEAST_PEOPLE:
                self._pending.drop(name)
                self._known.add(feature_index(name))

    def state(self) -> list[Any] | None:
        """JSON-able."""
        return None if self._known is None else [sorted(self._known), self._pending.state()]

    @classmethod
    def restore(cls, state: list[Any] | None) -> Self:
        """The inverse of `state`; None, of a snapshot of before: every value is known."""
        return cls(None) if state is None else cls(state[0], Crowds(state[1]))
