"""Money verdicts and intervals, measured: `python -m benchmarks.readout_money [--quick]`.

Revenue capped per unit at a value that is fixed before the data. Markdown on stdout; bounds as in `readout_coverage`.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from benchmarks.money_worlds import NULLS, Counts, Life, Spending, World
from benchmarks.readout_tally import Rate, table
from offline_eval.ab.bounded import RHO
from offline_eval.ab.bucketed import Linearised, linearised_mean
from offline_eval.ab.bucketed_contrast import Look, linearised_contrast
from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.contrast import Contrast
from offline_eval.ab.sequential import mixture_critical
from offline_eval.estimate import Estimate
from offline_eval.intervals.gamma_exponential_cs import log_wealth

UNITS, LOOKS = 20_000, 50
EVERY = 8
"""Sums by bucket, which take longest, are looked at in one of so many lives, at a fifth of the looks."""

ALWAYS, ONCE = COMPARISONS["always_valid"](), COMPARISONS["welch"]()


def ever_wrong_rows(runs: int) -> Iterator[str]:
    """null | sequence on rows ever excludes 0 | on bucketed sums | the asymptotic sequence | claim."""
    for place, world in enumerate(NULLS):
        rows, sums, before = Rate(), Rate(), Rate()
        for run in range(runs):
            life = world.life(np.random.default_rng([place, run, 41]), UNITS, LOOKS)
            counts = life.counts()
            rows.add(bool(errs_within_limits(counts, world.cap)))
            before.add(bool(_asymptotic_errs(counts)))
            if run % EVERY == 0:
                few = replace(life, looks=LOOKS // 5)
                sums.add(any(_excludes(contrast, 0.0) for contrast in _bucketed(few, Look(True))))
        claim = "yes" if rows.at_most(0.05) == sums.at_most(0.05) == "yes" else "**no**"
        yield f"{world.told()} | {rows.told()} | {sums.value:.4f} | {before.value:.4f} | {claim}"


def errs_within_limits(counts: Counts, cap: float) -> bool:
    """`AlwaysValid` on all looks at once; a test holds the two against each other."""
    gap, n = counts.mean[0] - counts.mean[1], counts.n
    variance = (counts.variance / n).sum(axis=0)
    down = np.maximum(counts.mean[0] / n[0], (cap - counts.mean[1]) / n[1])
    up = np.maximum((cap - counts.mean[0]) / n[0], counts.mean[1] / n[1])
    builder = np.where(gap > 0, down, up)
    return bool((log_wealth(np.abs(gap) / builder, variance / builder**2, RHO) > np.log(2 / 0.05)).any())


def _bucketed(life: Life, look: Look) -> Iterator[Contrast]:
    for treated, control in life.buckets():
        yield linearised_contrast(Linearised.of(treated), Linearised.of(control), look)


def _excludes(contrast: Contrast, truth: float) -> bool:
    return not _holds(contrast.absolute, truth)


def _holds(e: Estimate, truth: float) -> bool:
    return (e.lower is None or e.lower <= truth) and (e.upper is None or truth <= e.upper)


def _asymptotic_errs(counts: Counts) -> bool:
    """The sequence that takes revenue as normal, from 50 spenders in each group on."""
    effective = 4 / (1 / counts.n).sum(axis=0)
    critical = np.array([mixture_critical(float(each), 0.05) for each in effective])
    error = np.sqrt((counts.variance / counts.n).sum(axis=0))
    shown = counts.events.min(axis=0) >= 50
    return bool((shown & (np.abs(counts.mean[0] - counts.mean[1]) > critical * error)).any())


def one_look_rows(runs: int) -> Iterator[str]:
    """world, spenders | mean: rate | difference: rate | bucketed: mean, difference, relative | shown | claim."""
    for place, world in enumerate(NULLS):
        for spenders in (25, 60, 400):
            scarce = min(world.share * world.treated.rate, (1 - world.share) * world.control.rate)
            units = round(spenders / scarce)
            if units > 100_000:
                continue
            yield _one_look(world, (place, spenders, units), runs)


def _one_look(world: World, design: tuple[int, int, int], runs: int) -> str:
    place, spenders, units = design
    mean = world.control.mean(world.cap)
    rates = {name: Rate() for name in ("difference", "mean", "sums", "relative", "shown", "welch")}
    for run in range(runs):
        life = world.life(np.random.default_rng([place, spenders, run, 42]), units, 1)
        pair = next(life.rows())
        found, plain = ONCE.compare(*pair), ONCE.compare(*(sample.within(None) for sample in pair))
        rates["difference"].add(_holds(found.absolute, 0.0), found.absolute.upper - found.absolute.lower)
        rates["welch"].add(_holds(plain.absolute, 0.0), plain.absolute.upper - plain.absolute.lower)
        groups = [Linearised.of(group) for group in next(life.buckets())]
        rates["mean"].add(all(_holds(linearised_mean(group), mean) for group in groups[1:]))
        sums = linearised_contrast(groups[0], groups[1], Look(False))
        rates["sums"].add(_holds(sums.absolute, 0.0))
        rates["relative"].add(_holds(sums.relative, 0.0))
        rates["shown"].add(sums.absolute.lower is not None)
    wider = rates["difference"].mean_width / rates["welch"].mean_width
    shown = [f"{rates[name].value:.3f}" for name in ("sums", "relative", "mean", "shown", "welch")]
    claim = "yes" if all(rates[name].covers(0.94) == "yes" for name in ("difference", "sums", "mean")) else "**no**"
    told = " | ".join([rates["difference"].told(), *shown, f"{wider:.2f}"])
    return f"{world.told()}, {spenders} spenders | {told} | {claim}"


def light_rows(runs: int) -> Iterator[str]:
    """Uncapped: the interval at one look that is shown only where the mean is hardly skewed."""
    worlds = ((0.1, 0.5), (0.1, 1.0), (0.1, 1.5), (0.1, 2.5), (1.0, -1.5), (1.0, -3.0))
    for place, (rate, tail) in enumerate(worlds):
        spending = Spending(rate, tail)
        world = World(0.8, spending, spending, 1e300)
        wrong, shown = Rate(), Rate()
        for run in range(runs):
            life = world.life(np.random.default_rng([place, run, 44]), round(2000 / rate), 1)
            groups = [Linearised.of(replace(group, limits=None)) for group in next(life.buckets())]
            found = linearised_contrast(groups[0], groups[1], Look(False)).absolute
            shown.add(found.lower is not None)
            wrong.add(found.lower is not None and not _holds(found, 0.0))
        claim = wrong.at_most(0.06)
        yield f"{world.told()} | {shown.value:.3f} | {wrong.told()} | {claim}"


def price_rows(runs: int) -> Iterator[str]:
    """Units until 80 % of lives have shown a lift, over those of a test that looks once."""
    for place, (share, tail, lift) in enumerate(((0.5, 1.5, 0.2), (0.8, 1.5, 0.2), (0.95, 1.5, 0.3), (0.8, 2.5, 0.3))):
        spending = Spending(0.2, tail)
        cap = spending.quantile(0.99)
        treated = replace(spending, rate=0.2 * (1 + lift))
        world = World(share, treated, spending, cap)
        sample = next(world.life(np.random.default_rng([place, 43]), 400_000, 1).rows())
        gap = treated.mean(cap) - spending.mean(cap)
        variance = sample[0].variance / share + sample[1].variance / (1 - share)
        planned = (-ndtri(0.025) + ndtri(0.8)) ** 2 * variance / gap**2
        stops = [_stopped(world, round(4 * planned), np.random.default_rng([place, run, 43])) for run in range(runs)]
        at = [sum(stop <= times for stop in stops) / runs for times in (1, 2, 3, 4)]
        told = " | ".join(f"{each:.2f}" for each in at)
        wanted = float(np.quantile(stops, 0.8))
        yield (
            f"{share:.0%} treated, 20 % spend, σ {tail:g}, + {lift:.0%} | {planned:,.0f} | {told} | {wanted:.2f} | "
            f"{np.mean(np.minimum(stops, 4)):.2f}"
        )


def _stopped(world: World, units: int, rng: np.random.Generator) -> float:
    """When the lower bound first exceeds 0, in planned sizes; infinity where it never does within four."""
    life = world.life(rng, units, 40)
    for look, pair in enumerate(life.rows(), 1):
        lower = ALWAYS.compare(*pair).absolute.lower
        if lower is not None and lower > 0:
            return look / 10
    return float("inf")


RATE = "rate | 99.9 % bounds | runs"

TABLES: dict[str, tuple[str, Callable[[int], Iterator[str]], int]] = {
    f"Equal capped means, {LOOKS} looks to {UNITS:,} units: 0 is ever outside": (
        f"world | rows: {RATE} | bucketed sums | asymptotic sequence | claim (≤ 0.05) stands",
        ever_wrong_rows,
        400,
    ),
    "Capped revenue at one look: 95 % intervals": (
        f"world, spenders in the smaller group | difference: {RATE} | bucketed | relative | mean | shown | plain Welch "
        "| width over Welch's | claim (≥ 0.94) stands",
        one_look_rows,
        200,
    ),
    "Uncapped revenue at one look, 400 spenders in the smaller group": (
        f"world | shown | shown and wrong: {RATE} | claim (≤ 0.06) stands",
        light_rows,
        500,
    ),
    "What looking at any time costs": (
        "world | planned for one look | shown by 1 x | 2 x | 3 x | 4 x | units for 80 % over planned | mean stopping",
        price_rows,
        200,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    scale = 10 if parser.parse_args().quick else 1
    start = time.perf_counter()
    for title, (header, rows, runs) in TABLES.items():
        table(title, header, rows(runs // scale))
    print(f"\n{time.perf_counter() - start:.0f} s on one core.", file=sys.stderr)


if __name__ == "__main__":
    main()
