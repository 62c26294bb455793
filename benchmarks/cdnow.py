"""Who buys again? Models of activity on CDNOW's purchases, fitted on 39 weeks and judged on the next 39.

python -m benchmarks.cdnow DATA/cdnow_master.txt.gz [--markdown]: the choice of the model inside the first 39 weeks
(fitted on the first half of them, judged on the second), then the chosen one's reliability and AUC on the other 39.
"""

import argparse
import gzip
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from offline_eval.activity import ACTIVITY_MODELS, ActivityModel, Visits, visits_of
from offline_eval.activity.calibration import (
    Bin,
    auc,
    auc_difference,
    calibration_error,
    log_loss,
    reliability,
)

START = date(1997, 1, 1)
WEEKS_39 = 39 * 7
HALF = WEEKS_39 // 2


class Judged(NamedTuple):
    """A model on one split: days fitted on and predicted, what it said of everybody, and what was true."""

    name: str
    model: ActivityModel
    visits: Visits
    probability: np.ndarray
    truth: np.ndarray

    @property
    def bins(self) -> list[Bin]:
        return reliability(self.probability, self.truth)


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(customer, day) of every purchase; day 0 is 1 January 1997."""
    with gzip.open(path, "rt") as lines:
        rows = [line.split()[:2] for line in lines]
    days = [(date(int(at[:4]), int(at[4:6]), int(at[6:])) - START).days for _, at in rows]
    return np.array([int(customer) for customer, _ in rows]), np.array(days)


def judge(name: str, purchases: tuple[np.ndarray, np.ndarray], split: tuple[int, int]) -> Judged:
    """Fit on the days before the first number, predict those from it up to the second."""
    customers, days = purchases
    middle, end = split
    visits, names = visits_of(customers, days, middle - 1)
    model = ACTIVITY_MODELS[name].fit(visits)
    came = np.unique(customers[(days >= middle) & (days < end)])
    return Judged(name, model, visits, model.active(visits, end - middle), np.isin(names, came))


def table(header: list[str], rows: list[list[str]]) -> str:
    """Markdown, numbers to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def summary(all_of: list[Judged]) -> str:
    """One row for each model."""
    header = ["model", "calibration error", "log loss", "AUC", "predicted", "observed", "parameters"]
    rows = []
    for each in all_of:
        numbers = [
            f"{calibration_error(each.bins):.4f}",
            f"{log_loss(each.probability, each.truth):.5f}",
            f"{auc(each.probability, each.truth):.4f}",
            f"{each.probability.mean():.4f}",
            f"{each.truth.mean():.4f}",
        ]
        fitted = ", ".join(f"{key} {value:.4g}" for key, value in each.model.parameters().items())
        rows.append([each.name, *numbers, fitted])
    return table(header, rows)


def reliability_table(judged: Judged) -> str:
    """Ten bins with exact limits of what was observed."""
    header = ["bin", "customers", "from", "to", "predicted", "observed", "95 % exact", "inside"]
    rows = []
    for place, each in enumerate(judged.bins, 1):
        limits = f"{each.lower:.3f} to {each.upper:.3f}"
        inside = "yes" if each.lower <= each.predicted <= each.upper else "no"
        numbers = [f"{value:.3f}" for value in (each.least, each.most, each.predicted, each.observed)]
        rows.append([str(place), f"{each.n:,}", *numbers, limits, inside])
    return table(header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    purchases = read(parser.parse_args().data)
    first = purchases[0][purchases[1] < WEEKS_39], purchases[1][purchases[1] < WEEKS_39]
    inner = [judge(name, first, (HALF, WEEKS_39)) for name in ACTIVITY_MODELS]
    chosen = min(inner, key=lambda each: calibration_error(each.bins)).name
    print(f"Days 0 to {HALF - 1} fitted, days {HALF} to {WEEKS_39 - 1} predicted:\n\n{summary(inner)}\n")
    print(f"Least calibration error there: `{chosen}`.\n")
    outer = [judge(name, purchases, (WEEKS_39, 2 * WEEKS_39)) for name in ACTIVITY_MODELS]
    print(f"The first 39 weeks fitted, the next 39 predicted:\n\n{summary(outer)}\n")
    best = next(each for each in outer if each.name == chosen)
    recency = best.visits.recency - best.visits.observed
    gap = auc_difference(best.probability, recency, best.truth)
    print(f"AUC of recency alone {auc(recency, best.truth):.4f}; ", end="")
    print(f"`{chosen}` is better by {gap.value:.4f} (95 % {gap.lower:.4f} to {gap.upper:.4f}).\n")
    print(f"Reliability of `{chosen}`:\n\n{reliability_table(best)}")


if __name__ == "__main__":
    main()
