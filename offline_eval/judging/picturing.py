"""What pictures of a replay are drawn from: histograms of weights, and how often each arm was expected and came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offline_eval.candidates.candidate import Candidate
from offline_eval.candidates.training import judged
from offline_eval.judging.setting import Setting, ope_batch, view
from offline_eval.logs.log import Log
from offline_eval.moments import Matrix
from offline_eval.ope.diagnostics import Tallies, tally

EDGES = np.logspace(-3, 4, 71)
"""Of the weights' bins; what lies beyond is in the first or last."""


@dataclass(frozen=True)
class Drawn:
    """Mergeable: by policy (1 + bins,) rows of weight zero and in each bin; and the log's own tallies."""

    weights: Mapping[str, Matrix]
    tallies: Tallies

    def __add__(self, later: "Drawn") -> "Drawn":
        weights = {name: counts + later.weights.get(name, 0.0) for name, counts in self.weights.items()}
        return Drawn(dict(later.weights) | weights, self.tallies + later.tallies)


@dataclass(frozen=True)
class PictureGatherer:
    """Callable on a part of the log; `candidates[0]` is the logging policy."""

    candidates: tuple[Candidate, ...]
    setting: Setting

    def __call__(self, part: Log) -> Drawn:
        """What the part adds."""
        found = [self._batch(rows) for rows in part.batches(pmf=True)]
        total = found[0]
        for each in found[1:]:
            total = total + each
        return total

    def _batch(self, rows: Any) -> Drawn:
        seen, late = view(rows, self.setting), judged(rows, self.setting.split, trained=True)
        weights = {}
        for candidate in self.candidates:
            weight = candidate.chosen(rows) / rows.propensity
            weights[candidate.name] = counts(weight if late is None or not candidate.trained else weight[late])
        batch = ope_batch(seen, self.candidates[0], self.setting)
        return Drawn(weights, tally(batch, self.setting.layout))


def counts(weight: Matrix) -> Matrix:
    """(1 + bins,) rows of weight zero, then of each bin of EDGES."""
    place = np.clip(np.searchsorted(EDGES, weight, side="right"), 1, len(EDGES) - 1)
    return np.bincount(np.where(weight > 0, place, 0), minlength=len(EDGES)).astype(np.float64)


def pictures(drawn: Drawn, keys: Sequence[str]) -> dict[str, Any]:
    """{weights: {edges, policies: {NAME: {zero, counts}}}, calibration: {ARM: {ratio, lower, upper, n}}}.

    `ratio`: rows of the arm over those expected (inverse probabilities over rows where no pmf was logged); `lower` and
    `upper` hold it in 95 % of logs whose probabilities are right. Arms with the most rows first.
    """
    tallies, chosen = drawn.tallies, drawn.tallies.chosen.sum(axis=0)
    order = np.argsort(-chosen, kind="stable").tolist()
    found = {
        name: {"zero": int(table[0]), "counts": table[1:].astype(int).tolist()} for name, table in drawn.weights.items()
    }
    calibration = {}
    for arm in order:
        expected, spread = float(tallies.expected[arm]), 1.96 * float(np.sqrt(max(tallies.variance[arm], 0.0)))
        known = {
            "ratio": float(tallies.observed[arm]) / expected,
            "lower": 1.0 - spread / expected,
            "upper": 1.0 + spread / expected,
        } if expected > 0 else dict.fromkeys(("ratio", "lower", "upper"))  # fmt: skip
        calibration[keys[arm]] = {**known, "n": int(chosen[arm])}
    return {"weights": {"edges": EDGES.tolist(), "policies": found}, "calibration": calibration}
