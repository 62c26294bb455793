"""Difference and relative lift of one group over another."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

from offline_eval.ab.errors import ComparisonError
from offline_eval.ab.fieller import Means, delta_variance, relative_lift_between
from offline_eval.ab.sample import Sample
from offline_eval.estimate import Estimate

ROUNDING = 1e-12
"""A standard error below this share of the means is rounding, not variation."""

NO_VARIATION = "no variation within the groups: no interval"
CONTROL_AT_ZERO = "relative lift not computed: the control's mean is 0"
CONTROL_MAY_BE_ZERO = "relative lift unbounded: the control's mean cannot be told from 0"


@dataclass(frozen=True, slots=True)
class Contrast:
    """What one group has over the control: treated - control, and (treated - control) / |control|.

    Attributes:
        p_value: of the comparison's own test; None where there is none.
        note: what a reader must know beside the numbers, e.g. "too few", a cap, an unbounded ratio.
    """

    absolute: Estimate
    relative: Estimate
    p_value: float | None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the contract; `note` only where there is one."""
        document = {
            "absolute": self.absolute.as_dict(),
            "relative": self.relative.as_dict(),
            "p_value": self.p_value,
        }
        return document | ({"note": self.note} if self.note else {})


def amount_of(contrast: Contrast, units: int) -> Estimate:
    """The difference of a mean, times so many units."""
    e = contrast.absolute
    value, lower, upper = (None if each is None else each * units for each in (e.value, e.lower, e.upper))
    return replace(e, value=value, lower=lower, upper=upper)


def note_beside(contrast: Contrast) -> dict[str, str]:
    """{"note": why} beside an amount of which a bound is missing, else {}."""
    missing = contrast.absolute.lower is None or contrast.absolute.upper is None
    return {"note": contrast.note} if missing else {}


class Comparison(Protocol):
    """Two samples → a contrast.

    Class attributes:
        name: key in COMPARISONS, and `method` of its estimates.
        claims: what its interval promises, and under which design.
        anytime: whether the promise survives looking again and again.
        needs: of "binary", "denominator", "covariates", "sketch".
    """

    name: ClassVar[str]
    claims: ClassVar[str]
    anytime: ClassVar[bool]
    needs: ClassVar[frozenset[str]]

    @property
    def alpha(self) -> float:
        """One minus the nominal coverage."""
        ...

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast. Raises ComparisonError where the samples lack what is needed."""
        ...


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many units stand behind a contrast."""

    treated: int
    control: int

    @property
    def n(self) -> int:
        """Of both groups."""
        return self.treated + self.control

    @property
    def effective_n(self) -> float:
        """Total of an equal split that would be as informative: 4 / (1/n₁ + 1/n₀)."""
        return 4.0 * self.treated * self.control / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """How wide: the critical value (in standard errors), its level and the method's name.

    `above`: the critical value of the upper bound, where it is another than that of the lower one.
    """

    critical: float
    alpha: float
    method: str
    relative: str = "fieller"
    above: float | None = None

    @property
    def criticals(self) -> tuple[float, float]:
        """Of the lower and of the upper bound."""
        return self.critical, self.critical if self.above is None else self.above


def contrast_of(means: Means, sizes: Sizes, rule: Rule, p_value: float | None, note: str = "") -> Contrast:
    """Difference ± critical standard errors, and its relative form by Fieller's set or the delta method."""
    difference = means.top - means.bottom
    error = max(means.top_variance + means.bottom_variance - 2 * means.covariance, 0.0) ** 0.5
    if error <= ROUNDING * (abs(means.top) + abs(means.bottom)):
        return unknown(sizes, rule, difference, note or NO_VARIATION)
    below, above = rule.criticals
    absolute = _estimate(difference, difference - below * error, difference + above * error, sizes, rule)
    relative, remark = _relative(means, sizes, rule)
    return Contrast(absolute, relative, p_value, "; ".join(part for part in (note, remark) if part))


def unknown(sizes: Sizes, rule: Rule, difference: float | None, note: str) -> Contrast:
    """A contrast without interval."""
    return Contrast(
        _estimate(difference, None, None, sizes, rule), _estimate(None, None, None, sizes, rule), None, note
    )


def _relative(means: Means, sizes: Sizes, rule: Rule) -> tuple[Estimate, str]:
    found = relative_lift_between(means, rule.criticals)
    if found.value is None:
        return _estimate(None, None, None, sizes, rule), CONTROL_AT_ZERO
    if rule.relative == "delta":
        half = rule.critical * delta_variance(means) ** 0.5
        return _estimate(found.value, found.value - half, found.value + half, sizes, rule), ""
    if not found.bounded:
        return _estimate(found.value, None, None, sizes, rule), CONTROL_MAY_BE_ZERO
    return _estimate(found.value, found.lower, found.upper, sizes, rule), ""


def _estimate(value: float | None, lower: float | None, upper: float | None, sizes: Sizes, rule: Rule) -> Estimate:
    return Estimate(value, lower, upper, sizes.n, sizes.effective_n, rule.method, rule.alpha)


def need(comparison: Comparison, *samples: Sample) -> None:
    """Raise ComparisonError where a sample lacks what the comparison needs."""
    for sample in samples:
        has = {
            "binary": sample.binary,
            "denominator": "denominator" in sample.columns,
            "covariates": len([c for c in sample.columns if c not in ("value", "denominator")]) > 0,
            "sketch": sample.sketch is not None,
        }
        missing = sorted(what for what in comparison.needs if not has[what])
        if missing:
            raise ComparisonError(f"{comparison.name} needs a sample with: {', '.join(missing)}")
