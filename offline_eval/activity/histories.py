"""What a model of activity sees of each unit: how often it came back, when, and how long it was watched."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from offline_eval.activity.errors import HistoryError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Histories:
    """Units' histories, each from its first visit on, in any unit of time.

    Attributes:
        frequency: (n,) x, the number of returns: visits after the first, counted once per day (or whatever).
        recency: (n,) t_x, the time from the first visit to the last; 0 where x = 0.
        observed: (n,) T, the time from the first visit to the end of the observation; t_x <= T.
    """

    frequency: Floats
    recency: Floats
    observed: Floats

    def __post_init__(self) -> None:
        x, last, end = self.frequency, self.recency, self.observed
        if not x.shape == last.shape == end.shape or x.ndim != 1:
            raise HistoryError(f"columns of shapes {x.shape}, {last.shape} and {end.shape} are no histories")
        if not all(np.isfinite(column).all() for column in (x, last, end)):
            raise HistoryError("a history has a number that is not finite")
        if (x < 0).any() or (last < 0).any() or (last > end).any() or ((x == 0) & (last > 0)).any():
            raise HistoryError("histories need x >= 0, 0 <= t_x <= T, and t_x = 0 where x = 0")

    def __len__(self) -> int:
        return len(self.frequency)

    def distinct(self) -> tuple["Histories", Floats]:
        """The distinct histories and how often each occurs, (m,): all that the likelihood of BG/NBD needs."""
        table = np.column_stack([self.frequency, self.recency, self.observed])
        rows, counts = np.unique(table, axis=0, return_counts=True)
        return Histories(rows[:, 0], rows[:, 1], rows[:, 2]), counts.astype(np.float64)

    def scaled(self, factor: float) -> "Histories":
        """The same in another unit of time."""
        return Histories(self.frequency, self.recency * factor, self.observed * factor)


@dataclass(frozen=True, slots=True)
class Visits(Histories):
    """Histories with all their visits.

    Attributes:
        times: (N,) times of all visits since their unit's first, unit by unit, rising; each unit's first is 0.
        starts: (n,) where each unit's visits begin in `times`.
    """

    times: Floats
    starts: Whole

    @classmethod
    def of(cls, times: Floats, starts: Whole, observed: Floats) -> Self:
        """From visits alone. Raises HistoryError."""
        ends = np.append(starts, len(times))[1:]
        if (ends <= starts).any():
            raise HistoryError("every unit needs a first visit")
        return cls((ends - starts - 1).astype(np.float64), times[ends - 1], observed, times, starts)

    def distinct(self) -> tuple["Visits", Floats]:
        """Units without a return as one for each time observed, the others as they are; and how often each occurs."""
        returned = self.frequency > 0
        once, counts = np.unique(self.observed[~returned], return_counts=True)
        sizes = np.concatenate([np.ones(len(once)), self.frequency[returned] + 1]).astype(np.int64)
        times = np.concatenate([np.zeros(len(once)), self.times[np.repeat(returned, self._sizes)]])
        observed = np.concatenate([once, self.observed[returned]])
        weights = np.concatenate([counts.astype(np.float64), np.ones(int(returned.sum()))])
        return Visits.of(times, np.cumsum(sizes) - sizes, observed), weights

    def scaled(self, factor: float) -> "Visits":
        """The same in another unit of time."""
        return Visits.of(self.times * factor, self.starts, self.observed * factor)

    def chosen(self, units: NDArray[np.bool_]) -> "Visits":
        """The histories of some of the units, by a mask (n,)."""
        sizes = self._sizes[units]
        return Visits.of(self.times[np.repeat(units, self._sizes)], np.cumsum(sizes) - sizes, self.observed[units])

    def span(self, start: int, stop: int) -> "Visits":
        """The histories of the units from `start` up to `stop`."""
        starts = self.starts[start:stop]
        begin = int(starts[0]) if len(starts) else 0
        end = int(self.starts[stop]) if stop < len(self.starts) else len(self.times)
        return Visits.of(self.times[begin:end], starts - begin, self.observed[start:stop])

    @property
    def _sizes(self) -> Whole:
        return self.frequency.astype(np.int64) + 1

    @property
    def owner(self) -> Whole:
        """(N,) the unit of each visit."""
        return np.repeat(np.arange(len(self)), self._sizes)


def visits_of(units: Whole, times: Whole, end: int) -> tuple[Visits, Whole]:
    """Histories up to `end` from activities (unit, whole time) in any order, and the unit of each history.

    Several activities of a unit at one time are one visit; later ones than `end` are not looked at.
    """
    seen = times <= end
    order = np.lexsort((times[seen], units[seen]))
    owners, moments = units[seen][order], times[seen][order]
    fresh = np.ones(len(owners), dtype=bool)
    fresh[1:] = (owners[1:] != owners[:-1]) | (moments[1:] != moments[:-1])
    owners, moments = owners[fresh], moments[fresh]
    names, starts, sizes = np.unique(owners, return_index=True, return_counts=True)
    first = moments[starts]
    since = (moments - np.repeat(first, sizes)).astype(np.float64)
    return Visits.of(since, starts.astype(np.int64), (end - first).astype(np.float64)), names
