"""Quantiles, e.g. the median time to return, from the mergeable sketch."""

import math
from dataclasses import dataclass
from typing import ClassVar

from scipy.special import ndtr, ndtri

from offline_eval.ab.contrast import Contrast, Sizes, need
from offline_eval.ab.sample import Sample
from offline_eval.ab.sketch import Sketch
from offline_eval.estimate import Estimate

Limits = tuple[float, float, float]
"""Lower limit, estimate, upper limit."""


@dataclass(frozen=True, slots=True)
class Quantile:
    """Difference of two quantiles: each group's order-statistic limits, rounded outwards to the sketch's bins, joined.

    Limits of one quantile at ranks n p ± z √(n p (1-p)) (Woodruff 1952, JASA 47, 635-646); limits of the difference
    from both (MOVER, Zou & Donner 2008), of the ratio likewise on the logarithms. The p-value follows from the
    half-width that documents 0.
    """

    name: ClassVar[str] = "quantile"
    claims: ClassVar[str] = (
        "covers at one look with a hundred units on the scarcer side (docs/results/readout_coverage.md); bins of ±0.5 %"
    )
    anytime: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"sketch"})
    alpha: float = 0.05
    p: float = 0.5

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast of the p-quantiles. Raises ComparisonError without sketches."""
        need(self, treated, control)
        sizes = Sizes(treated.n, control.n)
        if min(treated.n, control.n) < 2:
            empty = self._estimate((None, None, None), sizes)
            return Contrast(empty, empty, None, "too few: fewer than two units in a group")
        z = -float(ndtri(self.alpha / 2))
        top, bottom = (quantile_limits(sample.sketch or Sketch(), self.p, z) for sample in (treated, control))
        low, gap, high = _difference(top, bottom)
        builder = gap - low if gap > 0 else high - gap
        p_value = 2 * float(ndtr(-abs(gap) / builder * z)) if builder else None
        absolute = self._estimate((low, gap, high), sizes)
        return Contrast(absolute, self._relative(top, bottom, sizes), p_value, f"quantile {self.p:g}")

    def _relative(self, top: Limits, bottom: Limits, sizes: Sizes) -> Estimate:
        if min(*top, *bottom) <= 0:
            return self._estimate((None, None, None), sizes)
        logs = _difference(_logs(top), _logs(bottom))
        low, value, high = (math.expm1(log) for log in logs)
        return self._estimate((low, value, high), sizes)

    def _estimate(self, limits: tuple[float | None, float | None, float | None], sizes: Sizes) -> Estimate:
        return Estimate(limits[1], limits[0], limits[2], sizes.n, sizes.effective_n, self.name, self.alpha)


def quantile_limits(sketch: Sketch, p: float, z: float) -> Limits:
    """Order-statistic limits of one quantile, borders of bins."""
    reach = z * (p * (1 - p) / sketch.n) ** 0.5 + 1 / sketch.n
    return sketch.quantile(p - reach)[0], sketch.quantile(p)[1], sketch.quantile(p + reach)[2]


def _difference(top: Limits, bottom: Limits) -> Limits:
    gap = top[1] - bottom[1]
    return (
        gap - math.hypot(top[1] - top[0], bottom[2] - bottom[1]),
        gap,
        gap + math.hypot(top[2] - top[1], bottom[1] - bottom[0]),
    )


def _logs(limits: Limits) -> Limits:
    return math.log(limits[0]), math.log(limits[1]), math.log(limits[2])
