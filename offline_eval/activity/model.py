"""What a model of activity can say of a unit."""

from typing import Protocol, Self

from offline_eval.activity.histories import Floats, Visits


class ActivityModel(Protocol):
    """A model of who comes back, fitted to histories; every method is vectorised over units."""

    @classmethod
    def fit(cls, visits: Visits, /) -> Self:
        """Maximum likelihood. Raises HistoryError."""
        ...

    def alive(self, visits: Visits, /) -> Floats:
        """P(the unit still follows its own rhythm), (n,)."""
        ...

    def active(self, visits: Visits, horizon: float, /) -> Floats:
        """P(at least one visit within the horizon), (n,)."""
        ...

    def expected(self, visits: Visits, horizon: float, /) -> Floats:
        """Expected number of visits within the horizon, (n,)."""
        ...

    def parameters(self) -> dict[str, float]:
        """By name."""
        ...
