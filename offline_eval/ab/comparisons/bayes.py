"""Bayesian comparison: Beta posterior for 0/1 metrics, normal posterior of the mean for others."""

from dataclasses import dataclass
from typing import ClassVar

from offline_eval.ab.contrast import Contrast, Sizes
from offline_eval.ab.posterior import Posterior, posterior_of
from offline_eval.ab.sample import Sample
from offline_eval.estimate import Estimate


@dataclass(frozen=True, slots=True)
class BayesianContrast(Contrast):
    """With the probability that the treated mean is the higher one, and what a wrong choice would cost on average.

    Attributes:
        probability_best: P(treated > control | data).
        expected_loss: E[max(control - treated, 0) | data], in the metric's unit, if the treatment is chosen.
    """

    probability_best: float | None = None
    expected_loss: float | None = None

    def as_dict(self) -> dict[str, object]:
        """The contract's form plus probability_best and expected_loss."""
        extra = {"probability_best": self.probability_best, "expected_loss": self.expected_loss}
        return Contrast.as_dict(self) | extra


@dataclass(frozen=True, slots=True)
class Bayes:
    """Equal-tailed credible intervals of the difference and the ratio, by deterministic quadrature.

    Beta(a + events, b + non-events) with a = b = `prior`; for other metrics the mean's posterior is normal (flat
    prior, large-sample likelihood). Expected loss: Stucchi (2015), *Bayesian A/B testing at VWO*, section 5.
    """

    name: ClassVar[str] = "bayes"
    claims: ClassVar[str] = (
        "given the prior; as an interval it covers at one look with 50 events in each group "
        "(docs/results/readout_coverage.md); not under peeking"
    )
    anytime: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()
    alpha: float = 0.05
    prior: float = 1.0

    def compare(self, treated: Sample, control: Sample) -> BayesianContrast:
        """The posterior of the contrast; without a p-value, which is not a Bayesian's."""
        sizes = Sizes(treated.n, control.n)
        share = treated.binary and control.binary
        top, bottom = (posterior_of(sample.with_share(share), self.prior) for sample in (treated, control))
        if top is None or bottom is None:
            empty = Estimate(None, None, None, sizes.n, sizes.effective_n, self.name, self.alpha)
            return BayesianContrast(empty, empty, None, "too few: no posterior")
        low, high = (top.difference_quantile(bottom, p) for p in (self.alpha / 2, 1 - self.alpha / 2))
        best = top.probability_above(bottom)
        loss = top.expected_loss(bottom)
        absolute = self._estimate(top.mean - bottom.mean, low, high, sizes)
        relative = self._relative(top, bottom, sizes)
        note = "" if relative.value is not None else "relative lift not computed: the control's mean may be 0"
        return BayesianContrast(absolute, relative, None, note, best, loss)

    def _relative(self, top: Posterior, bottom: Posterior, sizes: Sizes) -> Estimate:
        if not bottom.positive:
            return self._estimate(None, None, None, sizes)
        low, middle, high = (top.ratio_quantile(bottom, p) - 1 for p in (self.alpha / 2, 0.5, 1 - self.alpha / 2))
        return self._estimate(middle, low, high, sizes)

    def _estimate(self, value: float | None, lower: float | None, upper: float | None, sizes: Sizes) -> Estimate:
        return Estimate(value, lower, upper, sizes.n, sizes.effective_n, self.name, self.alpha)
