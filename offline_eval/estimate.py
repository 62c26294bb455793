"""The one result that comes back from every room of maths."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: point estimate; None where it does not exist (no data, no support).
        lower, upper: bounds at confidence 1 - alpha; None means unbounded or unknown.
        n: rows (or units) it was computed from.
        effective_n: the sample size that would be as informative without weights.
        method: name of the estimator and interval, as in the registries.
        alpha: one minus the nominal coverage.
    """

    value: float | None
    lower: float | None
    upper: float | None
    n: int
    effective_n: float
    method: str
    alpha: float = 0.05

    @property
    def is_bounded(self) -> bool:
        """Whether an interval is shown, and not a dash at either end."""
        return self.lower is not None and self.upper is not None

    def held_within(self, least: float, most: float) -> "Estimate":
        """Without what cannot be: the truth lies in [least, most], so that the interval covers as often as before."""
        value, lower, upper = (
            None if each is None else min(max(each, least), most) for each in (self.value, self.lower, self.upper)
        )
        return replace(self, value=value, lower=lower, upper=upper)

    def as_dict(self) -> dict[str, float | int | str | None]:
        """The JSON form that the contract names EST."""
        return {
            "value": self.value,
            "lower": self.lower,
            "upper": self.upper,
            "n": self.n,
            "effective_n": self.effective_n,
            "method": self.method,
            "alpha": self.alpha,
        }
