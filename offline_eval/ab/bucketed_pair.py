"""Two groups of the totals tier side by side: what every contrast of the two rests on, computed once."""

from dataclasses import dataclass

import numpy as np

from offline_eval.ab.bounded import Pull
from offline_eval.ab.bucketed import Floats, Linearised
from offline_eval.ab.concentration import effective_freedom, student
from offline_eval.ab.contrast import Sizes
from offline_eval.ab.fieller import Means
from offline_eval.ab.limits import Limits
from offline_eval.ab.scarcity import FEW


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """One metric's groups.

    Attributes:
        buckets: in use by either group, minus one.
        weights: (S,) of the strata that both have, adding up to 1; None where there are none or one bucket alone.
        means: the stratified means over those strata, or None likewise.
        freedom: degrees of freedom of the difference's variance; 0 where there are no means.
        events: of the group that has fewer.
    """

    treated: Linearised
    control: Linearised
    buckets: int
    weights: Floats | None
    means: Means | None
    freedom: float
    events: float

    @classmethod
    def of(cls, treated: Linearised, control: Linearised) -> "Paired":
        """Side by side."""
        buckets, events = int(np.count_nonzero(treated.used | control.used)) - 1, min(treated.events, control.events)
        kept = np.where(treated.present & control.present, treated.weights, 0.0)
        mass = float(kept.sum())
        if not mass or buckets < 1:
            return cls(treated, control, buckets, None, None, 0.0, events)
        weights, freedom = kept / mass, float(buckets)
        if treated.repeated or control.repeated:
            freedom = min(freedom, effective_freedom([treated.shares(weights), control.shares(weights)]))
        return cls(treated, control, buckets, weights, _means(treated, control, weights, buckets), freedom, events)

    @property
    def repeated(self) -> bool:
        """Whether units have several decisions."""
        return self.treated.repeated or self.control.repeated

    @property
    def pulls(self) -> tuple[Pull, Pull]:
        """How far one unit can move either mean. Needs limits and a revision that both have."""
        if self.weights is None:
            raise ValueError("groups that share no revision have no means to move")
        return self.treated.pull(self.weights), self.control.pull(self.weights)

    @property
    def few(self) -> bool:
        """Whether one of the groups has too few events for large samples."""
        return self.events < FEW

    @property
    def countable_by_unit(self) -> bool:
        """Whether both are shares of repeated decisions with few events, so that units are counted as trials."""
        return self.few and self.repeated and self.treated.binary and self.control.binary

    @property
    def within_limits(self) -> bool:
        """Whether the bounds of `bounded` are asked for: not for shares, once they have events enough."""
        if self.treated.limits is None or self.control.limits is None:
            return False
        return not (self.treated.binary and self.control.binary) or self.few

    @property
    def sizes(self) -> Sizes:
        """Units of both."""
        return Sizes(self.treated.units, self.control.units)

    @property
    def possible(self) -> Limits | None:
        """Between which the difference is known to lie."""
        top, bottom = self.treated.possible, self.control.possible
        return None if top is None or bottom is None else (top[0] - bottom[1], top[1] - bottom[0])

    def inflation(self, alpha: float) -> float:
        """Student's over the normal critical value."""
        return student(self.freedom, alpha) / student(1e9, alpha)


def _means(treated: Linearised, control: Linearised, weights: Floats, buckets: int) -> Means:
    scale = (buckets + 1) / buckets
    one, other = weights @ treated.residuals, weights @ control.residuals
    top, bottom = float(weights @ treated.means), float(weights @ control.means)
    return Means(top, bottom, scale * float(one @ one), scale * float(other @ other), scale * float(one @ other))
