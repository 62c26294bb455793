"""What units of several rows are worth: their number, not their rows'."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri, stdtrit

from offline_eval.ab.logged.few_events import Limited
from offline_eval.ab.logged.side import Side
from offline_eval.ab.logged.sums import Floats

Places = NDArray[np.intp]

WHOLE = 1 - 1e-9
"""Who has this share of a side's weight is that side: nothing can be said of anybody else."""

LEAST_FREEDOM = 1.0
"""With fewer degrees of freedom Student's t has no mean: a person or two decide everything."""

FEW_PEOPLE = 10.0
"""Effective units with events below which events that come from few units are not taken for many."""


@dataclass(frozen=True, slots=True)
class Clustered:
    """Variances of one or two weighted means between units.

    Attributes:
        variances: of each mean. covariance: of both. freedom: degrees of freedom; 0 where there are too few units.
        people: units in use.
    """

    variances: tuple[float, ...]
    covariance: float
    freedom: float
    people: int


def clustered(sides: Sequence[Side]) -> Clustered:
    """The jackknife over units, and the degrees of freedom that go with it.

    Leaving unit g out moves Σ w y / Σ w by -Rᵍ / (1 - hᵍ), R its residual sum over the side's weight and h its share of
    that weight: V = (G - 1) / G Σ (Rᵍ / (1 - hᵍ))² is CV3 of MacKinnon, Nielsen & Webb (2023), *Fast and reliable
    jackknife and bootstrap methods for cluster-robust inference*, J. Appl. Econometrics 38, 671-694, here of the
    difference of two means which units may share. Degrees of freedom: Bell & McCaffrey (2002), *Bias reduction in
    standard errors for linear regression with multi-stage samples*, Surv. Methodol. 28, 169-181, with this V and
    independent rows as working model. Measured in docs/results/readout_logs.md for 10 to 50 units, also with Pareto
    numbers of decisions.
    """
    used: Places = np.flatnonzero(np.any([side.shares > 0 for side in sides], axis=0))
    shares = [side.shares[used] for side in sides]
    if len(used) < 2 or any(share.max() >= WHOLE for share in shares):
        return Clustered((0.0,) * len(sides), 0.0, 0.0, len(used))
    moved = [_moved(side, used) for side in sides]
    scale = (len(used) - 1) / len(used)
    covariance = scale * float(moved[0] @ moved[-1]) if len(sides) > 1 else 0.0
    variances = tuple(scale * float(each @ each) for each in moved)
    return Clustered(variances, covariance, _freedom(sides, shares, used), len(used))


def _moved(side: Side, used: Places) -> Floats:
    people, share = side.by_unit[:, used], side.shares[used]
    return np.asarray((people[2] - side.mean * people[1]) / side.weight / (1 - share))


def _freedom(sides: Sequence[Side], shares: Sequence[Floats], used: Places) -> float:
    """(tr M)² / tr M², M the covariance of what the units move, under rows that are independent and alike.

    M is diagonal plus a matrix of rank 2 for each side, so that nothing of the size of G² is needed.
    """
    diagonal = np.zeros(len(used))
    columns, blocks = [], []
    for side, share in zip(sides, shares, strict=True):
        people = side.by_unit[:, used]
        own = np.divide(people[0], people[1] ** 2, out=np.zeros(len(used)), where=people[1] > 0)
        lever = share / (1 - share)
        diagonal += lever**2 * own
        columns += [lever, lever * share * own]
        blocks.append(np.array([[float(share**2 @ own), -1.0], [-1.0, 0.0]]))
    u, core = np.stack(columns, axis=1), np.zeros((2 * len(sides), 2 * len(sides)))
    for place, block in enumerate(blocks):
        core[2 * place : 2 * place + 2, 2 * place : 2 * place + 2] = block
    product = core @ (u.T @ u)
    trace = float(diagonal.sum() + np.trace(product))
    squares = float(diagonal @ diagonal + 2 * np.trace(core @ (u.T * diagonal) @ u) + np.trace(product @ product))
    return trace**2 / squares if squares > 0 else 0.0


def people_limits(side: Side, alpha: float) -> Limited:
    """Limits in [0, 1] of one side's mean: Clopper & Pearson's with the number of trials that the variance says.

    Korn & Graubard (1998), *Confidence intervals for proportions with small expected number of positive counts*, Surv.
    Methodol. 24, 193-201, with the jackknife's variance. Where events come from few units, each with several, trials
    are the effective number of units, as if all rows of a unit were alike: a variance that was never seen vary proves
    nothing.
    """
    found, mean = clustered([side]), side.mean
    trials = side.effective
    if found.freedom > 0 and found.variances[0] > 0 and not _clumped(side):
        ratio = -float(ndtri(alpha / 2)) / float(stdtrit(found.freedom, 1 - alpha / 2))
        trials = min(mean * (1 - mean) / found.variances[0] * ratio**2, side.alike)
    events = mean * trials
    lower = float(betaincinv(events, trials - events + 1, alpha / 2)) if mean > 0 else 0.0
    upper = float(betaincinv(events + 1, max(trials - events, 1e-9), 1 - alpha / 2)) if mean < 1 else 1.0
    return Limited(mean, lower, upper)


def _clumped(side: Side) -> bool:
    """Whether the rarer of events and non-events come from few units, several from each."""
    rare = side.mirrored() if side.mean > 0.5 else side
    events = np.maximum(rare.by_unit[2], 0.0)
    squares = float(events @ events)
    units = float(events.sum()) ** 2 / squares if squares > 0 else 0.0
    rows = rare.mean * rare.alike
    return units < min(FEW_PEOPLE, side.effective / 2) and rows > 2 * units
