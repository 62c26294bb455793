"""How much one unit's metric varies. To add one: a class here, a line in METRICS; its suite tests it."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from offline_eval.planning.errors import PlanError


class PlannedMetric(Protocol):
    """A metric before anything was measured."""

    name: ClassVar[str]

    @property
    def base(self) -> float:
        """The control's mean."""
        ...

    def variances(self, effect: float) -> tuple[float, float]:
        """Variance between units in (treated, control), the treated mean being base + effect. Raises PlanError."""
        ...


@dataclass(frozen=True, slots=True)
class ProportionMetric:
    """A share of units: p (1 - p) in each group."""

    name: ClassVar[str] = "proportion"
    base: float

    def variances(self, effect: float) -> tuple[float, float]:
        """Of Bernoulli variables."""
        treated = self.base + effect
        if not (0 < self.base < 1 and 0 <= treated <= 1):
            raise PlanError({"/metric/base": f"shares lie between 0 and 1; got {self.base:g} and {treated:g}"})
        return treated * (1 - treated), self.base * (1 - self.base)


@dataclass(frozen=True, slots=True)
class MeanMetric:
    """A mean per unit with a standard deviation, the same in both groups."""

    name: ClassVar[str] = "mean"
    base: float
    deviation: float

    def variances(self, effect: float) -> tuple[float, float]:
        """The square of the deviation, twice."""
        del effect
        if self.deviation <= 0:
            raise PlanError({"/metric/deviation": "must be positive"})
        return self.deviation**2, self.deviation**2


@dataclass(frozen=True, slots=True)
class RatioMetric:
    """Σ value / Σ denominator, e.g. revenue per session; rows are units.

    Variance of the linearised ratio (Deng, Knoblich & Lu 2018): (Var v - 2 R Cov + R² Var d) / d̄².
    """

    name: ClassVar[str] = "ratio"
    base: float
    denominator: float
    deviation: float
    denominator_deviation: float
    correlation: float = 0.0

    def variances(self, effect: float) -> tuple[float, float]:
        """Of the linearised ratio in each group."""
        if self.denominator <= 0 or self.deviation <= 0 or not -1 <= self.correlation <= 1:
            raise PlanError({"/metric": "needs a positive denominator and deviation, and a correlation in [-1, 1]"})
        return self._variance(self.base + effect), self._variance(self.base)

    def _variance(self, ratio: float) -> float:
        cross = self.correlation * self.deviation * self.denominator_deviation
        spread = self.deviation**2 - 2 * ratio * cross + (ratio * self.denominator_deviation) ** 2
        return spread / self.denominator**2


@dataclass(frozen=True, slots=True)
class CupedMetric:
    """A mean adjusted for what was known before: σ² (1 - ρ²), ρ the correlation with it (Deng et al. 2013, eq. 5)."""

    name: ClassVar[str] = "cuped"
    base: float
    deviation: float
    correlation: float

    def variances(self, effect: float) -> tuple[float, float]:
        """What the covariates leave."""
        del effect
        if self.deviation <= 0 or not -1 < self.correlation < 1:
            raise PlanError({"/metric": "needs a positive deviation and a correlation within (-1, 1)"})
        left = self.deviation**2 * (1 - self.correlation**2)
        return left, left


@dataclass(frozen=True, slots=True)
class CappedMetric:
    """A mean of what each unit brings, from 0 up to a cap that is fixed before the first decision, e.g. revenue."""

    name: ClassVar[str] = "capped"
    base: float
    deviation: float
    cap: float

    def variances(self, effect: float) -> tuple[float, float]:
        """The square of the deviation, twice. At most what values in [0, cap] with the mean can have."""
        del effect
        if not 0 < self.base < self.cap:
            raise PlanError({"/metric/cap": "must exceed base, which must be positive"})
        if not 0 < self.deviation**2 <= self.base * (self.cap - self.base):
            raise PlanError({"/metric/deviation": "must be positive, and possible for values from 0 to the cap"})
        return self.deviation**2, self.deviation**2


METRICS: dict[str, type[PlannedMetric]] = {
    "proportion": ProportionMetric,
    "mean": MeanMetric,
    "ratio": RatioMetric,
    "cuped": CupedMetric,
    "capped": CappedMetric,
}
