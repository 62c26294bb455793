"""Contrasts between arms whose shares moved with what was seen. To add one: a function, a line in ARM_CONTRASTS."""

from collections.abc import Callable

import numpy as np

from offline_eval.ab.adaptive.arm_contrast import ArmContrast
from offline_eval.ab.adaptive.cells import CHOSEN, REWARD, SQUARES, Cells
from offline_eval.ab.adaptive.looks import asymptotic_sequence, one_look, plain_look, sequence
from offline_eval.ab.adaptive.question import Question
from offline_eval.ab.adaptive.reach import Limits
from offline_eval.ab.adaptive.scores import Stack
from offline_eval.ab.adaptive.weighing import stabilising
from offline_eval.ab.fieller import Means

ArmComparison = Callable[[Cells | Stack, str, str | None, float, Limits | None], ArmContrast]
"""(cells, arm, control or None, alpha, limits) → contrast.

`limits` are the least and the most that one decision can add to the metric, None where nothing bounds it; a metric of
which only 0 and 1 were seen is taken for one that is 0 or 1.
"""


def naive(
    cells: Cells | Stack,
    arm: str,
    control: str | None = None,
    alpha: float = 0.05,
    limits: Limits | None = None,
) -> ArmContrast:
    """Difference of the drawn rounds' plain means, with a t interval. **Claims nothing** under adaptive shares.

    Shown beside the others only: under adaptive allocation an arm's mean is biased (Nie, Tian, Taylor & Zou 2018,
    *Why adaptively collected data have negative bias and how to correct for it*, AISTATS).
    """
    asked = Question.of(cells, arm, control, alpha, limits)
    top = _plain_mean(asked.stack, arm)
    bottom = (0.0, 0.0) if control is None else _plain_mean(asked.stack, control)
    means = None if top is None or bottom is None else Means(top[0], bottom[0], top[1], bottom[1])
    return plain_look(asked, means, "naive")


def aipw(
    cells: Cells | Stack,
    arm: str,
    control: str | None = None,
    alpha: float = 0.05,
    limits: Limits | None = None,
) -> ArmContrast:
    """Mean of the scores, each snapshot weighing as many as its rounds; for one look, see `looks.one_look`.

    Augmented inverse-propensity scores (Robins, Rotnitzky & Zhao 1994) with the past's model; unbiased, but its
    studentised form need not be normal when probabilities collapse: prefer `adaptively_weighted`.
    """
    asked = Question.of(cells, arm, control, alpha, limits)
    return one_look(asked, np.ones(len(asked.found.n)), "aipw")


def adaptively_weighted(
    cells: Cells | Stack,
    arm: str,
    control: str | None = None,
    alpha: float = 0.05,
    limits: Limits | None = None,
) -> ArmContrast:
    """Σ hₜ Γᵢ / Σ hₜ nₜ with hₜ = (mean of 1/p in snapshot t)^(-1/2); for one look, see `looks.one_look`.

    The variance-stabilising non-contextual weights of Zhan, Hadad, Hirshberg & Athey (2021), *Off-policy evaluation via
    adaptive weighting with data from contextual bandits*, KDD, sections 3-4 (StableVar), one weight per snapshot, so
    that the sums stay mergeable. The weight looks at contexts and probabilities, never at rewards. Where the arm's mean
    drifts in time, the estimand is the mean weighted so. Measured in docs/results/arm_contrasts.md.
    """
    asked = Question.of(cells, arm, control, alpha, limits)
    return one_look(asked, stabilising(asked.found), "adaptively_weighted")


def arm_sequence(
    cells: Cells | Stack,
    arm: str,
    control: str | None = None,
    alpha: float = 0.05,
    limits: Limits | None = None,
) -> ArmContrast:
    """A confidence sequence: may be looked at after every snapshot.

    In a metric whose range is known, bounds from the first round on that need no normal approximation
    (`known_range.KnownRange`); in another the stabilised estimate with an asymptotic sequence, after a burn-in that
    looks at events and at skewness (`looks.asymptotic_sequence`). Measured in docs/results/arm_contrasts.md.
    """
    asked = Question.of(cells, arm, control, alpha, limits)
    if asked.limits is not None:
        return sequence(asked, asked.limits, "arm_sequence")
    return asymptotic_sequence(asked, stabilising(asked.found), "arm_sequence")


def _plain_mean(stack: Stack, arm: str) -> tuple[float, float] | None:
    row = stack.margin[stack.arms.index(arm)]
    drawn = int(row[CHOSEN])
    if drawn < 2:
        return None
    mean = float(row[REWARD]) / drawn
    return mean, max(float(row[SQUARES]) / drawn - mean * mean, 0.0) / (drawn - 1)


ARM_CONTRASTS: dict[str, ArmComparison] = {
    "arm_sequence": arm_sequence,
    "adaptively_weighted": adaptively_weighted,
    "aipw": aipw,
    "naive": naive,
}
