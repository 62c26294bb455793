"""Where propensities were fitted: how strong hidden reasons for the choices would have to be to undo what is said."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from offline_eval.candidates.candidate import Candidate
from offline_eval.candidates.training import judged
from offline_eval.judging.setting import Setting
from offline_eval.logs.batch import LogBatch
from offline_eval.ope.sensitivity import GAMMAS, MOST, Rows, bounds, flips_at

MODEL = "marginal sensitivity (Tan 2006): hidden reasons change the odds of the logged choice by a factor up to gamma"


def hidden_reasons(rows: LogBatch, candidates: Sequence[Candidate], setting: Setting) -> dict[str, Any]:
    """{model, n, policies: {NAME: {bounds: [{gamma, least, most, lower, upper}], flips_at, sentence}}}.

    `rows` are the log's, or a sample by unit of a very long one. `least` and `most` bound the SNIPS value, `lower` and
    `upper` with sampling error. `flips_at` is the least gamma at which a difference from what the log earned is no
    longer shown: 1 where none is shown anyway, null where it still is at MOST. Policies without support are left out.
    """
    found = {}
    for candidate in candidates[1:]:
        held_out = judged(rows, setting.split, trained=candidate.trained)
        kept = rows if held_out is None else rows.take(held_out)
        seen = Rows(candidate.chosen(kept), kept.propensity, kept.reward, kept.unit)
        if np.any(seen.target > 0):
            found[candidate.name] = _of(candidate.name, seen, setting.claim.alpha)
    return {"model": MODEL, "n": len(rows), "policies": found}


def _of(name: str, rows: Rows, alpha: float) -> dict[str, Any]:
    turned = flips_at(rows, alpha)
    steps = [asdict(bounds(rows, gamma, alpha)) for gamma in GAMMAS]
    return {"bounds": steps, "flips_at": turned, "sentence": _sentence(name, turned)}


def _sentence(name: str, turned: float | None) -> str:
    if turned is None:
        return f"{name}: differs from the log even if hidden reasons changed the odds of choices {MOST:g} times."
    if turned <= 1.0:
        return f"{name}: no difference from the log is shown, with or without hidden reasons for its choices."
    told = f"hidden reasons that change the odds of choices {turned:.2f} times"
    return f"{name}: {told} would undo its difference from the log."
