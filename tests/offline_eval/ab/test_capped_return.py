"""Incremental ROI up to the cap covers where revenue is skewed, rewards are rare and one group is small."""

import numpy as np
import pytest

from offline_eval.ab.bucketed import Bucketed, Linearised
from offline_eval.ab.bucketed_contrast import Look
from offline_eval.ab.bucketed_money import capped_return

CAP, MARGIN, CONTACT, LIVES = 60.0, 0.5, 0.02, 100


def side(
    rng: np.random.Generator, n: int, rate: float, redeemed: float, costs: tuple[float, float], tail: float
) -> dict[str, Linearised]:
    """One group, a decision a unit: revenue lognormal and capped, the reward redeemed by a share."""
    contact, reward = costs
    revenue = np.minimum(np.where(rng.random(n) < rate, rng.lognormal(3 - tail**2 / 2, tail, n), 0.0), CAP)
    rewards, contacts = reward * (rng.random(n) < redeemed), np.full(n, contact)
    bucket = rng.integers(0, 256, n)
    sizes = np.bincount(bucket, minlength=256)[None].astype(float)
    columns = {
        "capped_revenue": (revenue, (0.0, CAP)),
        "capped_net_value": (MARGIN * revenue - rewards - contacts, (-contact - reward, MARGIN * CAP)),
        "reward_cost": (rewards, (0.0, reward)),
        "contact_cost": (contacts, (0.0, contact)),
        "reengagement": ((revenue > 0).astype(float), (0.0, 1.0)),
    }
    return {
        name: Linearised.of(
            Bucketed(
                np.bincount(bucket, values, 256)[None], sizes, np.ones(1), n, n, name == "reengagement",
                float(np.count_nonzero(values)), limits,
            )
        )
        for name, (values, limits) in columns.items()
    }  # fmt: skip


def mean(rate: float, tail: float) -> float:
    drawn = np.random.default_rng(0).lognormal(3 - tail**2 / 2, tail, 500_000)
    return rate * float(np.minimum(drawn, CAP).mean())


@pytest.mark.parametrize(
    ("sizes", "rates", "reward", "tail", "shown"),
    [
        ((9000, 1000), (0.1, 0.1), (0.3, 1.0), 1.5, 0.95),
        ((4000, 4000), (0.3, 0.2), (0.02, 8.0), 2.5, 0.95),
        ((2000, 8000), (0.3, 0.2), (0.003, 30.0), 0.5, 0.0),
    ],
)
def test_it_covers(
    sizes: tuple[int, int], rates: tuple[float, float], reward: tuple[float, float], tail: float, shown: float
) -> None:
    cost = CONTACT + reward[0] * reward[1]
    true = (MARGIN * (mean(rates[0], tail) - mean(rates[1], tail)) - cost) / cost
    bounded = wrong = 0
    for life in range(LIVES):
        rng = np.random.default_rng([life, *sizes])
        treated = side(rng, sizes[0], rates[0], reward[0], (CONTACT, reward[1]), tail)
        control = side(rng, sizes[1], rates[1], 0.0, (0.0, reward[1]), tail)
        found = capped_return((treated, control), Look(False)).estimate
        if found.lower is not None and found.upper is not None:
            bounded += 1
            wrong += not found.lower <= true <= found.upper
    assert wrong <= 11, "of 100: beyond that 5 % is excluded at 99 %"
    assert bounded >= shown * LIVES
