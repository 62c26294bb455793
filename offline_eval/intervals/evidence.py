"""What an interval is computed from."""

from dataclasses import dataclass
from typing import Protocol

from offline_eval.intervals.cells import Cells
from offline_eval.intervals.known import Known
from offline_eval.intervals.sequence import Sequence
from offline_eval.moments import Matrix, Moments

Range = tuple[float, float]
"""Lower and upper bound; infinite where unbounded."""


class Smooth(Protocol):
    """A differentiable function of the means of a basis, with the parameter chosen from the data, if any."""

    @property
    def parameter(self) -> float | None:
        """Clipping, switching or shrinkage parameter."""
        ...

    def value(self, means: Matrix) -> Matrix:
        """(..., d) → (...)."""
        ...

    def gradient(self, means: Matrix) -> Matrix:
        """(d,) → (d,)."""
        ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """Sufficient statistics of one estimator on one log.

    Attributes:
        moments: of the estimator's basis. For the basis of weights the columns are w, w r, r in this order.
        functional: the estimator as a function of the means.
        term_range: lowest and highest possible value of one row's term, for estimators that are a mean of one bounded
            term; None otherwise.
        cells: joint table of (w, r), where gathered.
        sequence: order-dependent sums, where gathered in order.
    """

    moments: Moments
    functional: Smooth
    known: Known
    term_range: Range | None = None
    cells: Cells | None = None
    sequence: Sequence | None = None


class Interval(Protocol):
    """Evidence → bounds at confidence 1 - alpha. Raises MissingEvidenceError where it cannot be computed."""

    def __call__(self, evidence: Evidence, alpha: float) -> Range:
        """Lower and upper bound."""
        ...


class MissingEvidenceError(Exception):
    """An interval needs something that is not known or was not gathered; the message says what."""
