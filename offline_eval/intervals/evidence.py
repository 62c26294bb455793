"""What an interval is computed from."""

from collections.abc import Callable
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


@dataclass(frozen=True, slots=True)
class Interval:
    """Evidence → bounds at confidence 1 - alpha. Raises MissingEvidenceError where it cannot be computed.

    Attributes:
        compute: (evidence, alpha) → lower and upper bound.
        anytime_valid: whether the bounds hold at all looks together.
        order_dependent: whether they need the rows in their order, so that parts do not merge.
        asymptotic: whether they hold for many rows only.
    """

    compute: Callable[[Evidence, float], Range]
    anytime_valid: bool = False
    order_dependent: bool = False
    asymptotic: bool = False

    def __call__(self, evidence: Evidence, alpha: float) -> Range:
        """Lower and upper bound."""
        return self.compute(evidence, alpha)

    @property
    def claims(self) -> str:
        """What it claims, where that was measured and where it fell short: the function's docstring."""
        return self.compute.__doc__ or ""


def interval(
    *, anytime_valid: bool = False, order_dependent: bool = False, asymptotic: bool = False
) -> Callable[[Callable[[Evidence, float], Range]], Interval]:
    """Decorates a function from evidence and alpha to bounds with what is true of it."""
    return lambda compute: Interval(compute, anytime_valid, order_dependent, asymptotic)


class MissingEvidenceError(Exception):
    """An interval needs something that is not known or was not gathered; the message says what."""
