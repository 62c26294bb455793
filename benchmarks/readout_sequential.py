"""What happens when one looks again and again: coverage, the verdict's errors, power, mismatch tests, many segments."""

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr

from benchmarks.readout_tally import Rate
from offline_eval.ab.checks.adaptive_ratio import AdaptiveRatio, Draws
from offline_eval.ab.checks.sample_ratio import Enrolment, SampleRatio
from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.evidence import martingale, multinomial, p_value_of
from offline_eval.ab.multiplicity import ADJUSTMENTS
from offline_eval.ab.sample import Sample
from offline_eval.ab.verdict import Finding, share_of_alpha, verdict
from offline_eval.planning import FixedTest, plan_fixed
from offline_eval.planning.metrics import ProportionMetric

LOOKS = 100


def counts_life(rng: np.random.Generator, rates: tuple[float, float], step: int) -> Iterator[tuple[Sample, Sample]]:
    """Both groups' shares after every 1 % of the data."""
    events = [np.cumsum(rng.binomial(step, rate, LOOKS)) for rate in rates]
    for look in range(LOOKS):
        n = step * (look + 1)
        yield Sample.of_counts(int(events[0][look]), n), Sample.of_counts(int(events[1][look]), n)


def revenue_life(rng: np.random.Generator, rates: tuple[float, float], step: int) -> Iterator[tuple[Sample, Sample]]:
    """Both groups' revenue after every 1 % of the data."""
    total: list[Sample] = []
    for _ in range(LOOKS):
        part = [Sample.of((rng.random(step) < rate) * rng.lognormal(0, 1, step)) for rate in rates]
        total = [a + b for a, b in zip(total, part, strict=True)] if total else part
        yield total[0], total[1]


def peeking_rows(runs: int) -> Iterator[str]:
    """world | method | all looks cover | bounds | runs | claim stands."""
    mean = float(np.exp(0.5))
    worlds = {
        "share 10 % + 1 %, 100 looks to 2 × 10,000": (counts_life, (0.11, 0.10), 100, 0.01, 0.1),
        "share 2 %, nothing, 100 looks to 2 × 20,000": (counts_life, (0.02, 0.02), 200, 0.0, 0.0),
        "revenue, 10 % spend, + 10 %, 100 looks to 2 × 5,000": (revenue_life, (0.11, 0.10), 50, 0.01 * mean, 0.1),
    }
    for world, (life, rates, step, absolute, relative) in worlds.items():
        kept = {(method, kind): Rate() for method in ("always_valid", "welch") for kind in ("difference", "relative")}
        for run in range(runs if life is counts_life else runs // 4):
            missed = dict.fromkeys(kept, False)
            for pair in life(np.random.default_rng([run, 11]), rates, step):
                for method in ("always_valid", "welch"):
                    found = COMPARISONS[method]().compare(*pair)
                    for kind, e, truth in (
                        ("difference", found.absolute, absolute),
                        ("relative", found.relative, relative),
                    ):
                        low, high = e.lower, e.upper
                        missed[method, kind] |= (low is not None and truth < low) or (high is not None and truth > high)
            for key, miss in missed.items():
                kept[key].add(not miss)
        for (method, kind), rate in kept.items():
            claim = rate.covers() if method == "always_valid" else "claims one look only"
            yield f"{world} | {method}, {kind} | {rate.told()} | {claim}"


def verdict_rows(runs: int) -> Iterator[str]:
    """design | ever ships or stops for harm | bounds | runs | at most 5 %."""
    for arms, guardrails in ((1, 0), (1, 2), (3, 2)):
        rate = Rate()
        for run in range(runs):
            rate.add(_ever_errs(np.random.default_rng([run, 12]), arms, guardrails))
        design = f"A/A, {arms} arm(s), {guardrails} guardrail(s), 100 looks"
        yield f"{design} | {rate.told()} | ≤ 0.05 | {rate.at_most(0.05)}"


def _ever_errs(rng: np.random.Generator, arms: int, guardrails: int) -> bool:
    step, groups = 100, arms + 1
    alpha = share_of_alpha(0.05, arms, arms * guardrails)
    events = np.cumsum(rng.binomial(step, 0.1, (LOOKS, groups, 1 + guardrails)), axis=0)
    comparison = COMPARISONS["always_valid"](alpha=alpha)
    for look in range(LOOKS):
        n = step * (look + 1)
        samples = [[Sample.of_counts(int(c), n) for c in group] for group in events[look]]
        found = [
            [Finding("lift", comparison.compare(group[m], samples[0][m]).absolute) for group in samples[1:]]
            for m in range(1 + guardrails)
        ]
        ratio = SampleRatio({1: Enrolment({str(g): n for g in range(groups)}, {str(g): 1.0 for g in range(groups)})})
        limits = [finding for row in found[1:] for finding in row]
        if verdict(found[0], limits, [ratio.result()]).word in ("ship", "stop for harm"):
            return True
    return False


def power_rows(runs: int) -> Iterator[str]:
    """What peeking costs: against the fixed-horizon test at the size planned for 80 %."""
    test = FixedTest(ProportionMetric(0.10), 0.015)
    n = plan_fixed(test).control
    at_end, ever, longer, stopped = Rate(), Rate(), Rate(), []
    for run in range(runs):
        rng = np.random.default_rng([run, 13])
        pairs = list(counts_life(rng, (0.115, 0.10), round(n * 2 / LOOKS)))
        half = len(pairs) // 2
        at_end.add(COMPARISONS["welch"]().compare(*pairs[half - 1]).p_value <= 0.05)
        sequence = COMPARISONS["always_valid"]()
        hits = [look for look, pair in enumerate(pairs) if (sequence.compare(*pair).p_value or 1.0) <= 0.05]
        ever.add(bool(hits) and hits[0] < half)
        longer.add(bool(hits))
        stopped.append((hits[0] + 1) / half if hits else 2.0)
    yield f"fixed horizon, one look at n = 2 × {n:,} | {at_end.told()} | 1.00"
    yield f"always valid, looked at at every 1 %, stopped at the same n | {ever.told()} | –"
    yield f"always valid, stopped at twice that n | {longer.told()} | {np.mean(stopped):.2f}"


def segment_rows(runs: int) -> Iterator[str]:
    """50 segments: none differs, or ten do."""
    for lifted in (0, 10):
        for name, adjust in ADJUSTMENTS.items():
            family, false_share, power = Rate(), [], []
            for run in range(runs):
                rng = np.random.default_rng([run, lifted, 14])
                shift = np.where(np.arange(50) < lifted, 3.0, 0.0)
                p_values = 2 * ndtr(-np.abs(rng.normal(shift)))
                adjusted = np.array(list(adjust({str(i): float(p) for i, p in enumerate(p_values)}).values()))
                called = adjusted <= 0.05
                wrong = int(called[lifted:].sum())
                family.add(wrong > 0)
                false_share.append(wrong / max(int(called.sum()), 1))
                power.append(called[:lifted].mean() if lifted else 0.0)
            discovery, error = float(np.mean(false_share)), float(np.std(false_share) / runs**0.5)
            claim = family.at_most(0.05) if name == "holm" or not lifted else _mean_at_most(discovery, error)
            yield (
                f"{name}, {lifted} of 50 differ | {discovery:.4f} ± {3.09 * error:.4f} | {family.told()} | "
                f"{np.mean(power):.3f} | {claim}"
            )


def _mean_at_most(mean: float, error: float) -> str:
    return "yes" if mean - 3.09 * error <= 0.05 else "**no**"


def mismatch_rows(runs: int) -> Iterator[str]:
    """Lifetime false alarms of both mismatch tests, and how soon a true mismatch is found."""
    shares = [0.5, 0.3, 0.2]
    rate = Rate()
    for run in range(runs):
        counts = np.cumsum(np.random.default_rng([run, 15]).multinomial(500, shares, LOOKS), axis=0)
        rate.add(p_value_of(max(multinomial(row, shares) for row in counts)) <= 0.001)
    yield f"sample ratio, fixed shares, 100 looks to 50,000 units | {rate.told()} | ≤ 0.001 | {rate.at_most(0.001)}"
    rate = Rate()
    for run in range(runs):
        drift, variance = _draws(np.random.default_rng([run, 16]))
        rate.add(p_value_of(max(map(martingale, drift, variance))) <= 0.001)
    yield f"arms against logged propensities, 100 looks to 5,000 | {rate.told()} | ≤ 0.001 | {rate.at_most(0.001)}"
    found = Rate()
    for run in range(200):
        bandit = int(np.random.default_rng([run, 17]).binomial(100_000, 0.79))
        counts = {"bandit": bandit, "holdout": 100_000 - bandit}
        found.add(SampleRatio({1: Enrolment(counts, {"bandit": 0.8, "holdout": 0.2})}).result().status == "failed")
    yield f"power: 79 % instead of 80 % at 100,000 units | {found.told()} | – | –"
    found = Rate()
    for run in range(200):
        p = np.random.default_rng([run, 18]).beta(1, 3, 20_000)
        drawn = float((np.random.default_rng([run, 19]).random(20_000) < p * 1.05).sum())
        draws = Draws(drawn, float(p.sum()), float((p * (1 - p)).sum()))
        found.add(AdaptiveRatio({"gift": draws}).result().status == "failed")
    yield f"power: an arm drawn 5 % too often, 20,000 decisions | {found.told()} | – | –"


def _draws(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    p = rng.beta(0.5, 2, 5000)
    look = slice(49, None, 50)
    return np.cumsum((rng.random(5000) < p) - p)[look], np.cumsum(p * (1 - p))[look]
