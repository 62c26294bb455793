"""Where propensities were fitted: how strong hidden reasons for the choices would have to be to undo what is said."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from offline_eval.candidates.candidate import Candidate
from offline_eval.candidates.training import judged
from offline_eval.judging.results import headline
from offline_eval.judging.setting import Setting
from offline_eval.logs.batch import LogBatch
from offline_eval.ope.sensitivity import GAMMAS, MOST, Bounds, Rows, bounds, flips_at

MODEL = "marginal sensitivity (Tan 2006): hidden reasons change the odds of the logged choice by a factor up to gamma"
ESTIMATOR = "snips"
"""Whose value has such bounds."""


@dataclass(frozen=True)
class Told:
    """What the tables say of one policy.

    Attributes:
        estimator: whose numbers they show.
        sign: 1 where they show it to be better than the log, -1 where worse, 0 where neither.
        bounded: whether its value has an interval there.
    """

    estimator: str
    sign: float
    bounded: bool

    @classmethod
    def of(cls, policy: Mapping[str, Any]) -> "Told":
        """From a policy's result."""
        estimator = headline(list(policy["estimates"]))
        versus, value = policy["versus_logging"][estimator], policy["estimates"][estimator]
        sign = float((versus["lower"] or 0.0) > 0.0) - float((versus["upper"] or 0.0) < 0.0)
        return cls(estimator, sign, None not in (value["lower"], value["upper"]))


def hidden_reasons(
    rows: LogBatch, candidates: Sequence[Candidate], setting: Setting, policies: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """{model, n, estimator, alpha, policies: {NAME: {bounds: [{gamma, least, most, lower, upper}], flips_at, …}}}.

    `rows` are the log's, or a sample by unit of a very long one; `policies` is what the tables show. `least` and
    `most` bound the SNIPS value whatever the tables' estimator is; `lower` and `upper` do with sampling error, at the
    claim's alpha as a value's interval, and are null where the value has no interval. `flips_at` is the least gamma at
    which the difference from what the log earned that the tables show is no longer shown, at `alpha`: the claim's,
    shared by all differences, as in the tables. 1 where none is shown anyway, null where it still is at MOST. Policies
    without support are left out.
    """
    shared = setting.claim.alpha / max(len(candidates) - 1, 1)
    found = {}
    for candidate in candidates[1:]:
        held_out = judged(rows, setting.split, trained=candidate.trained)
        kept = rows if held_out is None else rows.take(held_out)
        seen = Rows(candidate.chosen(kept), kept.propensity, kept.reward, kept.unit)
        if np.any(seen.target > 0):
            told = Told.of(policies[candidate.name])
            turned = flips_at(seen, told.sign, shared) if told.sign else 1.0
            found[candidate.name] = {
                "bounds": [_step(bounds(seen, gamma, setting.claim.alpha), told, setting) for gamma in GAMMAS],
                "flips_at": turned,
                "sentence": _sentence(candidate.name, told, turned),
            }
    return {"model": MODEL, "n": len(rows), "estimator": ESTIMATOR, "alpha": shared, "policies": found}


def _step(found: Bounds, told: Told, setting: Setting) -> dict[str, Any]:
    step: dict[str, Any] = asdict(found)
    if not told.bounded:
        return step | {"lower": None, "upper": None}
    low, high = setting.bounds.reward or (-np.inf, np.inf)
    return step | {"lower": max(found.lower, low), "upper": min(found.upper, high)}


def _sentence(name: str, told: Told, turned: float | None) -> str:
    if not told.sign:
        return f"{name}: no difference from the log is shown, so that hidden reasons for its choices have none to undo."
    shown = f"that it is {'better' if told.sign > 0 else 'worse'} than the log"
    if turned is None:
        return f"{name}: {shown} holds by SNIPS even if hidden reasons changed the odds of choices {MOST:g} times."
    if turned <= 1.0:
        return (
            f"{name}: {shown} is shown in the table, by {told.estimator.upper()} and its interval; by SNIPS and a "
            "normal one, with which hidden reasons are judged, it is not, so that the weakest of them may undo it."
        )
    return f"{name}: hidden reasons that change the odds of choices {turned:.2f} times would undo {shown} (by SNIPS)."
