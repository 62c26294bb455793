"""Are arms with logged probability p drawn with frequency p?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from offline_eval.ab.checks.adaptive_ratio import Draws
from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, Evidence, judged
from offline_eval.ab.evidence import average

EDGES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True, slots=True)
class PropensityCalibration:
    """Reliability of the logged pmf by bins of p: in each, draws minus Σ p is a martingale if the log is true.

    A policy whose floor or float32 sum was lost between drawing and logging shows here although each arm's total is
    right. One e-value for each bin, averaged.

    Attributes:
        bins: lower edge of the bin → draws.
    """

    name: ClassVar[str] = "propensity_calibration"
    claims: ClassVar[str] = (
        "fails wrongly at most once in a thousand experiments, at any look; exact (measured by benchmarks.claims, "
        "family checks (docs/claims.md))"
    )
    blocking: ClassVar[bool] = True
    bins: Mapping[float, Draws]

    @classmethod
    def of(cls, pmf: NDArray[np.float64], arm: NDArray[np.int64]) -> "PropensityCalibration":
        """From (n, K) pmfs and the (n,) drawn arms. Probabilities of 0 and 1 say nothing and are left out."""
        drawn = np.zeros(pmf.shape, dtype=bool)
        drawn[np.arange(len(arm)), arm] = True
        p, hit = pmf.ravel(), drawn.ravel()
        open_ = (p > 0) & (p < 1)
        p, hit = p[open_], hit[open_]
        place = np.searchsorted(EDGES, p, side="right") - 1
        sums = [np.bincount(place, weight, len(EDGES)) for weight in (hit, p, p * (1 - p))]
        used = np.flatnonzero(sums[1])
        return cls({EDGES[b]: Draws(float(sums[0][b]), float(sums[1][b]), float(sums[2][b])) for b in used})

    def __add__(self, other: "PropensityCalibration") -> "PropensityCalibration":
        nothing = Draws(0.0, 0.0, 0.0)
        edges = sorted({*self.bins, *other.bins})
        return PropensityCalibration({e: self.bins.get(e, nothing) + other.bins.get(e, nothing) for e in edges})

    def result(self, alpha: float = LIFETIME_ALPHA) -> CheckResult:
        """Failed where frequencies leave the logged probabilities."""
        if not self.bins:
            return CheckResult(self.name, "too_few", None, "no arm was drawn by chance yet")
        evidence = {edge: draws.log_evidence for edge, draws in self.bins.items()}
        worst = max(evidence, key=lambda edge: evidence[edge])
        draws = self.bins[worst]
        detail = f"largest gap at p ≥ {worst:g}: {draws.drawn:.0f} draws, {draws.expected:.1f} expected"
        # Bins without draws count with an e-value of 1: averaging over those seen so far would favour lucky ones.
        unseen = [0.0] * (len(EDGES) - len(evidence))
        clearest = average([*(draws.never for draws in self.bins.values()), *unseen])
        return judged(self, Evidence(average([*evidence.values(), *unseen]), clearest), alpha, detail)
