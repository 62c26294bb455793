"""Heavy-tailed metrics, capped at a stated value."""

from dataclasses import dataclass, replace
from typing import ClassVar

from offline_eval.ab.comparisons.welch import Welch
from offline_eval.ab.contrast import Contrast, need
from offline_eval.ab.sample import Sample
from offline_eval.ab.sketch import Sketch


@dataclass(frozen=True, slots=True)
class Winsorised:
    """Welch's comparison of min(y, cap); the cap is the pooled `share`-quantile of the values that are not 0.

    Wu & Kohavi's winsorising of revenue (Kohavi, Tang & Xu 2020, *Trustworthy online controlled experiments*, ch. 22).
    The estimand is the mean of the capped metric, stated in the note. One cap for both groups, found without regard to
    who is in which; it lies on the border of a bin, so that the capped moments are exact.
    """

    name: ClassVar[str] = "winsorised"
    claims: ClassVar[str] = (
        "covers the difference of capped means at one look (docs/results/readout_coverage.md); says nothing of "
        "what lies above the cap"
    )
    anytime: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"sketch"})
    alpha: float = 0.05
    share: float = 0.99

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast of capped means. Raises ComparisonError without sketches."""
        need(self, treated, control)
        mine, theirs = treated.sketch or Sketch(), control.sketch or Sketch()
        cap = nonzero_quantile(mine + theirs, self.share)
        within = (min((mine + theirs).quantile(0.0)[0], 0.0), cap) if cap else None
        pair = ((treated, mine), (control, theirs))
        capped = [sample.with_moments(*sketch.capped(cap)).within(within) for sample, sketch in pair]
        found = Welch(self.alpha).compare(*capped)
        note = "; ".join(part for part in (f"capped at {cap:.6g}", found.note) if part)
        return Contrast(
            replace(found.absolute, method=self.name), replace(found.relative, method=self.name), found.p_value, note
        )


def nonzero_quantile(sketch: Sketch, share: float) -> float:
    """Upper border of the bin that holds the quantile among the values that are not 0; 0 where there are none."""
    spoken = Sketch({code: moments for code, moments in sketch.bins.items() if code != 0})
    return spoken.quantile(share)[2] if spoken.bins else 0.0
