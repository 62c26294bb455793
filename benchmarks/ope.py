"""Off-policy estimators against a plain-numpy floor measured in the same run: `python -m benchmarks.ope [--rows N]`.

The floor computes each quantity over whole columns, with fixed parameters and no merging, no parameter search and no
bookkeeping; ours chooses clipping and shrinkage from the data and leaves statistics that merge.
"""

import argparse
import statistics as middle
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammainc, gammaln
from scipy.stats import f as fisher

from offline_eval.intervals.bootstrap import resampling_counts
from offline_eval.intervals.known import Bounds
from offline_eval.ope.batch import Batch
from offline_eval.ope.evaluate import estimate
from offline_eval.ope.gather import Plan, Statistics, gather

SEVEN = ("ips", "snips", "dm", "dr", "sndr", "switch_dr", "dros")
ARMS = 12
UNIT_REWARD = Bounds(reward=(0.0, 1.0))


class Log:
    """A log of n rounds × 12 arms: actions, propensities, rewards, target pmf and model predictions."""

    def __init__(self, rows: int, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        logging = rng.dirichlet(np.full(ARMS, 4.0), rows)
        self.target = rng.dirichlet(np.full(ARMS, 2.0), rows)
        self.q = rng.random((rows, ARMS))
        self.action = np.minimum((logging.cumsum(axis=1) < rng.random(rows)[:, None]).sum(axis=1), ARMS - 1)
        self.propensity = logging[np.arange(rows), self.action]
        self.reward = (rng.random(rows) < 0.3).astype(np.float64)
        self.unit = rng.integers(0, 1 << 63, rows // 2, dtype=np.uint64)[rng.integers(0, rows // 2, rows)]


def with_error(terms: np.ndarray) -> tuple[float, float]:
    """Mean and standard error."""
    return float(terms.mean()), float(terms.std(ddof=1) / np.sqrt(len(terms)))


def ratio_with_error(top: np.ndarray, bottom: np.ndarray) -> tuple[float, float]:
    """Ratio of means and its delta-method standard error."""
    below = bottom.mean()
    value = top.mean() / below
    return float(value), float((top - value * bottom).std(ddof=1) / below / np.sqrt(len(top)))


def floor_seven(log: Log) -> dict[str, tuple[float, float]]:
    """All seven in one pass over whole columns, fixed parameters."""
    rows = np.arange(len(log.action))
    weight = log.target[rows, log.action] / log.propensity
    model = np.einsum("nk,nk->n", log.target, log.q)
    residual = log.reward - log.q[rows, log.action]
    weighted = weight * residual
    ratio, error = ratio_with_error(weighted, weight)
    return {
        "ips": with_error(weight * log.reward),
        "snips": ratio_with_error(weight * log.reward, weight),
        "dm": with_error(model),
        "dr": with_error(model + weighted),
        "sndr": (model.mean() + ratio, error),
        "switch_dr": with_error(model + weighted * (weight <= 10.0)),
        "dros": with_error(model + 100.0 * weighted / (weight**2 + 100.0)),
    }


def batch_of(log: Log, unit: bool = False) -> Batch:
    """The log as a batch, the target's probability of the logged arm read off within the measured time."""
    extra = {"unit": log.unit} if unit else {}
    return Batch.of(log.action, log.propensity, log.reward, log.target, q=log.q, **extra)


def ours_seven(log: Log, buckets: bool, unit: bool = False) -> Statistics:
    """All seven with intervals: normal, or the bootstrap."""
    statistics = gather(batch_of(log, unit), Plan(SEVEN, buckets=buckets, cells=False))
    for name in SEVEN:
        estimate(name, statistics, interval="bootstrap" if buckets else "normal")
    return statistics


def floor_cressie_read(weight: np.ndarray, reward: np.ndarray) -> tuple[float, float]:
    """Five sums and the closed form with unbounded weights."""
    n, product = len(weight), weight * reward
    w, ww, wr = weight.sum(), weight @ weight, product.sum()
    wwr, wwrr = weight @ product, product @ product
    slack = (-(1 + 1 / n) - fisher.isf(0.05, 1, n)) / (2 * (1 + n)) + 1 / (2 * n)
    bounds = []
    for edge, sign in ((0.0, 1.0), (1.0, -1.0)):
        x = sign * (edge + (wr - w * edge) / n)
        y = (edge * w - wr) ** 2 / (n * (1 + n)) - (edge**2 * ww - 2 * edge * wwr + wwrr) / (1 + n)
        bounds.append(sign * (x - np.sqrt(max(2 * y * slack, 0.0))))
    return bounds[0], bounds[1]


def floor_gamma_exponential(weight: np.ndarray, reward: np.ndarray) -> list[float]:
    """The gamma-exponential confidence sequence by cumulated sums over whole columns."""
    bounds = []
    for x in (weight * reward, weight * (1 - reward)):
        total = np.cumsum(x)
        variance = np.square(x - (total - x + 0.5) / np.arange(1, len(x) + 1)).sum()
        mean = np.linspace(0, 1, 2001) * total[-1] / len(x)
        below = total[-1] - len(x) * mean + variance + 1
        wealth = np.log(gammainc(variance + 1, below)) + gammaln(variance + 1) - (variance + 1) * np.log(below)
        bounds.append(float(mean[np.argmax(wealth + below < -np.log(0.025))]))
    return bounds


def floor_plug_in(weight: np.ndarray, reward: np.ndarray) -> list[float]:
    """The predictable plug-in empirical Bernstein confidence sequence by cumulated sums over whole columns."""
    bounds = []
    for x in (weight * reward, weight * (1 - reward)):
        steps = np.arange(1, len(x) + 1)
        squared = np.square(x - np.minimum((np.cumsum(x) - x + 0.5) / steps, 1.0))
        variance = (np.cumsum(squared) - squared + 0.25) / steps
        bet = np.minimum(np.sqrt(2 * np.log(40) / (variance * steps * np.log1p(steps))), 0.5)
        loss = (-np.log1p(-bet) - bet) @ squared
        bounds.append((bet @ x - np.log(40) - loss) / bet.sum())
    return bounds


def floor_sequences(weight: np.ndarray, reward: np.ndarray) -> list[float]:
    """Both confidence sequences, as one pass of ours gathers both."""
    return floor_gamma_exponential(weight, reward) + floor_plug_in(weight, reward)


def floor_likelihood(weight: np.ndarray, reward: np.ndarray) -> list[float]:
    """The empirical likelihood interval over a histogram in two dimensions: likeliest weights, then both bounds."""
    rows = len(weight)
    cell = (64 * np.log2(weight + 1e-6) + 64 * 20).astype(np.int64) * 2 + (reward > 0)
    count = np.bincount(cell)
    seen = np.flatnonzero(count)
    w, x = (np.bincount(cell, column)[seen] / count[seen] for column in (weight, weight * reward))
    share, beta = count[seen] / rows, 0.0
    for _ in range(20):
        below = 1 + beta * (w - 1)
        beta += (share @ ((w - 1) / below)) / (share @ ((w - 1) / below) ** 2)
    slack = 0.5 * fisher.isf(0.05, 1, rows - 1) / rows
    offset = -slack - share @ np.log(1 + beta * (w - 1))
    return [_floor_bound(share, w, term, offset, slack) for term in (x, w - x)]


def _floor_bound(share: np.ndarray, w: np.ndarray, term: np.ndarray, offset: float, slack: float) -> float:
    def dual(theta: np.ndarray) -> tuple[float, np.ndarray]:
        below = theta[0] + theta[1] * w + term
        mean = np.exp(offset + share @ np.log(below))
        ratio = share / below
        return theta.sum() - mean, 1.0 - mean * np.array([ratio.sum(), ratio @ w])

    reach = np.sqrt((share @ term**2 - (share @ term) ** 2) / (2 * slack))
    solved = minimize(dual, [reach, 1e-3], jac=True, method="L-BFGS-B", bounds=[(1e-9, None)] * 2)
    return float(-solved.fun)


def ours_weights(log: Log, name: str, plan: Plan) -> None:
    """One interval from weights, the target's probabilities given."""
    statistics = gather(batch_of(log), plan, UNIT_REWARD)
    estimate("ips", statistics, UNIT_REWARD, name)


def seconds(floor: Callable[[], object], ours: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median times of both, called in turns after one warm-up each, so that other work on the machine hits both."""
    times: tuple[list[float], list[float]] = ([], [])
    for repeat in range(repeats + 1):
        for work, kept in zip((floor, ours), times, strict=True):
            start = time.perf_counter()
            work()
            if repeat:
                kept.append(time.perf_counter() - start)
    return middle.median(times[0]), middle.median(times[1])


def peak_megabytes(work: Callable[[], object]) -> float:
    """Most memory that one call holds beyond what was there."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def cold_bootstrap(log: Log, unit: bool = False) -> None:
    """With the resampling counts drawn anew, as a first call does."""
    resampling_counts.cache_clear()
    ours_seven(log, buckets=True, unit=unit)


def weight_of(log: Log) -> np.ndarray:
    """The importance weights."""
    return np.asarray(log.target[np.arange(len(log.action)), log.action] / log.propensity)


def measure(rows: int, repeats: int) -> list[tuple[str, float, float, str]]:
    """(what, floor in seconds, ours in seconds, goal)."""
    log = Log(rows)
    ours = (
        ("seven estimators, analytic intervals", lambda: ours_seven(log, False), "1.5 ×"),
        ("… with 1,000 bootstrap replicates", lambda: cold_bootstrap(log), "2 ×"),
        ("… clustered by unit, 1,000 replicates", lambda: cold_bootstrap(log, True), ""),
    )
    of_weights = (
        ("cressie_read", floor_cressie_read, Plan(("ips",), buckets=False, cells=False)),
        ("empirical_likelihood", floor_likelihood, Plan(("ips",), buckets=False)),
        ("gamma_exponential_cs", floor_sequences, Plan(("ips",), buckets=False, cells=False, sequence=True)),
    )
    lines = [(what, *seconds(lambda: floor_seven(log), work, repeats), goal) for what, work, goal in ours]
    for name, floor, plan in of_weights:
        pair = seconds(
            lambda floor=floor: floor(weight_of(log), log.reward),
            lambda name=name, plan=plan: ours_weights(log, name, plan),
            repeats,
        )
        lines.append((name, *pair, "2 ×"))
    print(f"Peak memory beyond the input: {peak_megabytes(lambda: cold_bootstrap(log)):.0f} MB (goal: below 200)\n")
    return lines


def main() -> None:
    """Print the table as markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    lines = measure(arguments.rows, arguments.repeats)
    print(f"| n = {arguments.rows:,} × {ARMS} arms, one process | floor, ms | ours, ms | ratio | goal |")
    print("|---|---|---|---|---|")
    for what, floor, ours, goal in lines:
        print(f"| {what} | {1e3 * floor:.1f} | {1e3 * ours:.1f} | {ours / floor:.2f} | {goal} |")


if __name__ == "__main__":
    main()
