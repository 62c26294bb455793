"""Trust checks where nothing is wrong, after every look."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from benchmarks.claims.counting import Seen
from benchmarks.claims.designs import Design, draw_horizon, draw_law, draw_looks, draw_shares
from offline_eval.ab.checks.adaptive_ratio import AdaptiveRatio, Draws
from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.checks.draw_independence import DrawIndependence
from offline_eval.ab.checks.propensity_calibration import PropensityCalibration
from offline_eval.ab.checks.sample_ratio import Enrolment, SampleRatio
from offline_eval.ab.checks.void_rates import VoidRates


def draw(rng: np.random.Generator, made: Design) -> Design:
    """2 to 12 variants of any shares; the first law's rate is that of voids."""
    arms, horizon = int(rng.integers(2, 13)), draw_horizon(rng)
    laws = (draw_law(rng, 0.0),) * arms
    looks = min(draw_looks(rng, horizon, arms), 30)
    return replace(made, laws=laws, shares=draw_shares(rng, arms), horizon=horizon, looks=looks)


def life(design: Design, rng: np.random.Generator) -> Iterator[Seen]:
    """One campaign."""
    stops = np.linspace(0, design.horizon, design.looks + 1).astype(int)
    group = rng.choice(design.arms, design.horizon, p=design.shares)
    void = rng.random(design.horizon) < design.laws[0].rate
    bins = rng.integers(0, 16, design.horizon)
    seen = _running(group, stops, design.arms)
    yield _cried("mismatch: sample ratio", (_sample_ratio(design, counts) for counts in seen))
    yield _cried("mismatch: void rates", _voids(seen, _running(group * 2 + void, stops, 2 * design.arms)))
    cells = _running(group * 16 + bins, stops, 16 * design.arms)
    yield _cried("mismatch: draws", (_draws(counts.reshape(design.arms, 16)) for counts in cells))
    yield from _propensities(design, rng, stops)


def _cried(claim: str, results: Iterator[CheckResult]) -> Seen:
    said = {result.status for result in results}
    return Seen(claim, bool(said - {"too_few"}), bool(said & {"failed", "warning"}))


def _running(code: np.ndarray, stops: np.ndarray, codes: int) -> np.ndarray:
    """(L, codes) counts after every look."""
    return np.cumsum([np.bincount(code[a:b], minlength=codes) for a, b in pairwise(stops)], axis=0)


def _sample_ratio(design: Design, counts: np.ndarray) -> CheckResult:
    named = {str(k): int(count) for k, count in enumerate(counts)}
    return SampleRatio({1: Enrolment(named, {str(k): s for k, s in enumerate(design.shares)})}).result()


def _voids(seen: np.ndarray, by_void: np.ndarray) -> Iterator[CheckResult]:
    for counts, both in zip(seen, by_void, strict=True):
        voids = both[1::2]
        table = {str(k): (int(v), int(n - v)) for k, (v, n) in enumerate(zip(voids, counts, strict=True))}
        yield VoidRates(table).result()


def _draws(table: np.ndarray) -> CheckResult:
    return DrawIndependence({str(k): tuple(map(int, row)) for k, row in enumerate(table)}).result()


def _propensities(design: Design, rng: np.random.Generator, stops: np.ndarray) -> Iterator[Seen]:
    """Pmfs that change from round to round, around the design's shares."""
    pmf = rng.dirichlet(3.0 * design.arms * np.array(design.shares), min(design.horizon, 20_000))
    arm = (rng.random(len(pmf))[:, None] >= pmf.cumsum(axis=1)).sum(axis=1).clip(0, design.arms - 1)
    drawn = np.zeros(pmf.shape)
    drawn[np.arange(len(pmf)), arm] = 1.0
    # These cost a hundred times more a look than counts do.
    ends = np.unique(stops[1:][-4:].clip(1, len(pmf))) - 1
    sums = [np.cumsum(column, axis=0)[ends] for column in (drawn, pmf, pmf * (1 - pmf))]
    yield _cried("mismatch: adaptive ratio", (_adaptive(*rows) for rows in zip(*sums, strict=True)))
    parts = [PropensityCalibration.of(pmf[a:b], arm[a:b]) for a, b in zip([0, *(ends[:-1] + 1)], ends + 1, strict=True)]
    yield _cried("mismatch: calibration", _calibrated(parts))


def _adaptive(drawn: np.ndarray, expected: np.ndarray, variance: np.ndarray) -> CheckResult:
    rows = zip(drawn.tolist(), expected.tolist(), variance.tolist(), strict=True)
    return AdaptiveRatio({str(k): Draws(*row) for k, row in enumerate(rows)}).result()


def _calibrated(parts: list[PropensityCalibration]) -> Iterator[CheckResult]:
    total = PropensityCalibration({})
    for part in parts:
        total = total + part
        yield total.result()
