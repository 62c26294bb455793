"""Coverage of readouts of logs: few events under unequal weights, few people with many decisions, strata with gaps.

`python -m benchmarks.readout_logs [--quick]`: markdown on stdout. Bounds are exact binomial, one-sided at 99.9 %.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from scipy.special import expit

from benchmarks.readout_tally import Rate, table
from offline_eval.ab.logged.asking import Ask
from offline_eval.ab.logged.side import Side
from offline_eval.ab.logged.sums import SideRows, pair_sums
from offline_eval.ab.logged.weighing import weighted_contrast
from offline_eval.ab.logged.weighted_means import weighted_mean

CLAIM = 0.94

SHARE, AMOUNT = Ask(0.05, True, (0.0, 1.0)), Ask(0.05)

WEIGHTS = {
    "equal, 30 to 70": lambda _, n: np.full(n, 0.3),
    "strata of .1 and .9": lambda rng, n: rng.choice([0.1, 0.9], n),
    "strata of .02 (80 %) and .6": lambda rng, n: rng.choice([0.02, 0.6], n, p=[0.8, 0.2]),
    "Beta(½, ½) within .02 to .98": lambda rng, n: np.clip(rng.beta(0.5, 0.5, n), 0.02, 0.98),
}
"""Name → the treated arm's probability, row by row."""

SIZES = {
    "100 each": lambda _, units: np.full(units, 100),
    "log-normal (σ 1.2)": lambda rng, units: np.ceil(10 * np.exp(1.2 * rng.normal(size=units))).astype(int),
    "Pareto 1.5": lambda rng, units: np.minimum(np.ceil(5 * (rng.pareto(1.5, units) + 1)), 20_000).astype(int),
    "Pareto 1": lambda rng, units: np.minimum(np.ceil(3 * (rng.pareto(1.0, units) + 1)), 20_000).astype(int),
}
"""Name → how many decisions each unit has."""

ROWS = 1000


def event_rows(runs: int) -> Iterator[str]:
    """world | events an arm | mean of the treated | of the control | difference."""
    for place, (world, chance) in enumerate(WEIGHTS.items()):
        for events in (1, 3, 10, 40, 150):
            rates = (Rate(), Rate(), Rate())
            truth = 2 * events / ROWS
            for run in range(runs):
                rng = np.random.default_rng([70, place, events, run])
                p = chance(rng, ROWS)
                treated, back = rng.random(ROWS) < p, (rng.random(ROWS) < truth).astype(float)
                sides = pair((1 / p[treated], back[treated]), (1 / (1 - p[~treated]), back[~treated]))
                found = [weighted_mean(side, SHARE) for side in sides] + [weighted_contrast(*sides, SHARE).absolute]
                for rate, e, value in zip(rates, found, (truth, truth, 0.0), strict=True):
                    rate.add(e.lower is None or e.lower <= value <= e.upper)
            claim = " | ".join(f"{rate.value:.4f}" for rate in rates[:2])
            stands = "yes" if all(rate.covers(CLAIM) == "yes" for rate in rates) else "**no**"
            yield f"{world} | {events} | {claim} | {rates[2].told()} | {stands}"


def people_rows(runs: int) -> Iterator[str]:
    """who is drawn | units | decisions | share of events | difference: rate | width | mean of an arm | shown."""
    for crossed in (True, False):
        for units in (10, 20, 50):
            for name, sizes in SIZES.items():
                yield _people_row(crossed, units, name, sizes, runs)


def _people_row(crossed: bool, units: int, name: str, sizes: object, runs: int) -> str:
    difference, mean, shown = Rate(), Rate(), Rate()
    truth = float(expit(np.log(0.15 / 0.85) + np.random.default_rng(71).normal(size=1_000_000)).mean())
    for run in range(runs):
        rng = np.random.default_rng([72, crossed, units, len(name), run])
        unit = np.repeat(np.arange(units), sizes(rng, units))
        rate = expit(np.log(0.15 / 0.85) + rng.normal(size=units))[unit]
        treated = rng.random(len(unit)) < 0.5 if crossed else (rng.random(units) < 0.5)[unit]
        if treated.all() or not treated.any():
            continue
        back = (rng.random(len(unit)) < rate).astype(float)
        found = pair(*((np.ones(mine.sum()), back[mine], unit[mine]) for mine in (treated, ~treated)))
        e, one = weighted_contrast(*found, SHARE).absolute, weighted_mean(found[0], SHARE)
        shown.add(e.lower is not None)
        if e.lower is not None:
            difference.add(e.lower <= 0 <= e.upper, e.upper - e.lower)
        mean.add(one.lower <= truth <= one.upper)
    stands = "yes" if difference.covers(CLAIM) == mean.covers(CLAIM) == "yes" else "**no**"
    drawn = "each decision" if crossed else "each unit"
    told = f"{difference.told()} | {difference.mean_width:.3f} | {mean.value:.4f} | {shown.value:.3f} | {stands}"
    return f"{drawn} | {units} | {name} | {told}"


def amount_rows(runs: int) -> Iterator[str]:
    """spending | spenders in the smaller arm | covered of those shown | shown | wrong and shown."""
    laws = {"log-normal 1": 1.0, "log-normal 1.5": 1.5, "log-normal 2": 2.0, "log-normal 2.5": 2.5, "Pareto 1.5": None}
    for place, (name, sd) in enumerate(laws.items()):
        for spenders in (60, 150, 400, 1500):
            covered, shown, wrong = Rate(), Rate(), Rate()
            for run in range(runs):
                rng = np.random.default_rng([73, place, spenders, run])
                e = weighted_contrast(*pair(*(_spent(rng, sd, spenders * size) for size in (1, 3))), AMOUNT).absolute
                shown.add(e.lower is not None)
                wrong.add(e.lower is not None and not e.lower <= 0 <= e.upper)
                if e.lower is not None:
                    covered.add(e.lower <= 0 <= e.upper)
            told = f"{covered.value:.4f} | {shown.value:.3f} | {wrong.told()} | {wrong.at_most(1 - CLAIM)}"
            yield f"{name} | {spenders} | {told}"


def strata_rows(runs: int) -> Iterator[str]:
    """events | rows | difference: rate | width with given probabilities over this one | mean of an arm."""
    shares, rates = np.array([0.25, 0.5, 0.8]), np.array([0.1, 0.3, 0.8])
    worlds = {"10, 30 and 80 %": rates, "30 % in all": np.full(3, 0.3), "1, 3 and 8 %": rates / 10}
    for place, (name, rate) in enumerate(worlds.items()):
        for rows in (300, 1000, 5000):
            difference, mean, ratios = Rate(), Rate(), []
            for run in range(runs):
                rng = np.random.default_rng([74, place, rows, run])
                kind = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
                treated, back = rng.random(rows) < shares[kind], (rng.random(rows) < rate[kind]).astype(float)
                found, given = _within_strata(kind, treated, back), _within_strata(kind, treated, back, shares)
                e, one = weighted_contrast(*found, SHARE).absolute, weighted_mean(found[0], SHARE)
                wide = weighted_contrast(*given, SHARE).absolute
                difference.add(e.lower <= 0 <= e.upper, e.upper - e.lower)
                mean.add(one.lower <= float(rate @ [0.5, 0.3, 0.2]) <= one.upper)
                ratios.append((wide.upper - wide.lower) / (e.upper - e.lower))
            stands = "yes" if difference.covers(CLAIM) == mean.covers(CLAIM) == "yes" else "**no**"
            yield f"{name} | {rows} | {difference.told()} | {np.mean(ratios):.2f} | {mean.value:.4f} | {stands}"


def _within_strata(
    kind: np.ndarray, treated: np.ndarray, back: np.ndarray, shares: np.ndarray | None = None
) -> tuple[Side, Side]:
    """Weighted by the strata's own shares, or by those that the arms were drawn with."""
    seen = np.bincount(kind[treated], minlength=3) / np.maximum(np.bincount(kind, minlength=3), 1)
    sides = []
    for arm in (True, False):
        mine, p = treated == arm, (seen if shares is None else shares)[kind]
        weight = 1 / np.where(arm, p, 1 - p)[mine]
        stratum = kind[mine] if shares is None else None
        sides.append(SideRows(weight, back[mine][None], None, 1, stratum, 3))
    sums = pair_sums(len(kind), (sides[0], sides[1]))
    return Side.of(sums, 0, 0), Side.of(sums, 1, 0)


def _spent(rng: np.random.Generator, sd: float | None, spenders: int) -> tuple[np.ndarray, np.ndarray]:
    rows = 20 * spenders
    spent = np.zeros(rows)
    some = rng.random(rows) < 0.05
    size = int(some.sum())
    spent[some] = rng.pareto(1.5, size) + 1 if sd is None else np.exp(sd * rng.normal(size=size))
    return np.ones(rows), spent


def pair(*sides: tuple[np.ndarray, ...]) -> tuple[Side, Side]:
    """From (weights, values) or (weights, values, units) of both sides."""
    clusters = 1 + max((int(each[2].max()) for each in sides if len(each) > 2), default=0)
    rows = [SideRows(each[0], each[1][None], each[2] if len(each) > 2 else None, clusters) for each in sides]
    sums = pair_sums(sum(len(each[0]) for each in sides), (rows[0], rows[1]))
    return Side.of(sums, 0, 0), Side.of(sums, 1, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    runs = 200 if parser.parse_args().quick else 2000
    rate = "rate | 99.9 % bounds | runs"
    columns = f"probability of the treated | events an arm | treated | control | difference: {rate} | at least .94"
    table("Few events, 1,000 rows of two arms, weighted by 1/p", columns, event_rows(runs))
    columns = f"drawn for | units | decisions | difference: {rate} | width | mean of an arm | shown | at least .94"
    table("Few people, 15 % of events (logit sd 1 between units)", columns, people_rows(runs))
    columns = f"events by stratum | rows | difference: {rate} | width without strata, times | mean | at least .94"
    table(
        "Arms drawn within strata (25, 50 and 80 % treated), weighted by the strata's own shares",
        columns,
        strata_rows(runs),
    )
    columns = f"amounts, 5 % spend | spenders | covered where shown | shown | wrong and shown: {rate} | at most .06"
    table("Amounts without a known range, arms of 1 to 3", columns, amount_rows(runs // 4))


if __name__ == "__main__":
    main()
