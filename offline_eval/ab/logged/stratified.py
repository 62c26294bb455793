"""Variances of weighted means whose probabilities are the strata's own shares: what strata differ by is no chance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from offline_eval.ab.logged.people import Clustered
from offline_eval.ab.logged.side import Side
from offline_eval.ab.logged.sums import Floats

ROUNDING = 1e-12


class Within(NamedTuple):
    """One mean, by stratum (S,): its variance's part, the draws, and how far the stratum moves the mean per row."""

    variance: Floats
    draws: Floats
    offset: Floats


def stratified(sides: Sequence[Side]) -> Clustered:
    """Of one mean, or of two that compare the same strata.

    With w = N(s) / n(s) the mean is post-stratified, Σ N(s) / N ȳ(s), and varies by what units differ within strata,
    Σ (N(s) / N)² v(s) / n(s) (Neyman 1923; Imbens & Rubin 2015, *Causal inference for statistics, social, and
    biomedical sciences*, ch. 9; Miratrix, Sekhon & Yu 2013, *Adjusting treatment effect estimates by
    post-stratification in randomized experiments*, J. R. Stat. Soc. B 75, 369-396), plus, since units come from a
    larger population, by how many come from which stratum, Σ N(s) m(s)² / N², m(s) the stratum's distance from the mean
    (or, of a difference, from the difference). A segment that crosses strata is a part of each: y - mean is 0 outside
    it. A stratum of which one unit was drawn, or whose units are alike, tells no variance: there it is taken about the
    whole mean, which is more. Degrees of freedom: Satterthwaite's (1946) over strata. Measured in
    docs/results/readout_logs.md.
    """
    parts = [_within(side) for side in sides]
    variances = [float(part.variance.sum()) for part in parts]
    lost = sum(float((part.variance**2 / np.maximum(part.draws - 1, 1)).sum()) for part in parts)
    people = sum(side.n for side in sides)
    freedom = sum(variances) ** 2 / lost if lost > 0 else float(people - len(sides))
    size = np.divide(*_rows(sides[0]), out=np.zeros(len(parts[0].draws)), where=parts[0].draws > 0)
    rows = size * parts[0].draws
    between = [[float(rows @ (one.offset * other.offset)) for other in parts] for one in parts]
    found = tuple(v + between[k][k] for k, v in enumerate(variances))
    covariance = between[0][-1] if len(sides) > 1 else 0.0
    return Clustered(found, covariance, freedom if min(side.n for side in sides) > 1 else 0.0, people)


def _rows(side: Side) -> tuple[Floats, Floats]:
    table = _table(side)
    return table[1], table[0]


def _table(side: Side) -> Floats:
    if side.strata is None:
        raise ValueError("probabilities are not the strata's own shares")
    return side.strata


def _within(side: Side) -> Within:
    draws, weight, known, y, yy = _table(side)
    some = draws > 0
    count = np.where(some, draws, 1.0)
    inverse, mean = np.where(some, weight / count, 0.0), side.mean
    squares = yy - 2 * mean * y + mean * mean * known
    offset = (y - mean * known) / count
    inside = squares - count * offset**2
    told = (draws > 1) & (inside > ROUNDING * (yy + mean * mean * known))
    spread = np.where(told, inside * count / np.maximum(count - 1, 1), squares)
    total = side.weight
    return Within(inverse**2 * spread / total**2, draws, np.where(told, offset, 0.0) / total)
