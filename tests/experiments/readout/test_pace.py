"""What a gain or a loss comes to in a day is at the pace of the last days with decisions, not of a long tail."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from experiments.model.times import DAY
from experiments.store.core.engine import reading
from experiments.store.rollups.tiers import metric_places
from experiments.views.readout.pace import RECENT, Pace, pace_of
from tests.experiments.readout.conftest import Campaign, lifted
from tests.experiments.readout.test_capped import MONEY, spenders

Make = Callable[..., Any]


def pace(made: Campaign) -> Pace:
    with reading(made.engine) as session:
        connection = session.connection()
        return pace_of(connection, made.number, metric_places(connection, made.number))


def by_day(made: Campaign, name: str, value: str) -> Counter[int]:
    return Counter(int(one.decided_at or 0) // DAY for one, _ in made.rounds if getattr(one, name) == value)


@pytest.mark.parametrize("decisions", [1, 20, 290, 900])
def test_it_is_the_mean_of_the_last_days_with_decisions_but_for_the_newest(
    campaign: Make, people: Make, decisions: int
) -> None:
    made = lifted(campaign, people, (0.3, 0.2), decisions)
    every = sorted(by_day(made, "variant", "treated"), reverse=True)
    counted = every[1:] or every
    found, told = pace(made), by_day(made, "arm", "bogo-5")
    assert found.days == min(len(counted), RECENT)
    assert found.variants["treated"] == pytest.approx(sum(told[day] for day in counted[:RECENT]) / found.days)
    assert found.arms["bogo-5"] == found.variants["treated"]


def test_a_campaign_that_has_quieted_down_is_not_diluted(campaign: Make) -> None:
    made, rng = campaign(**MONEY), np.random.default_rng(3)
    made.enrol("treated", "bogo-5", spenders(rng, 3000, 0.5))
    made.enrol("holdout", "nothing", spenders(rng, 3000, 0.1))
    gained = made.readout()["verdict"]["gaining"]
    at_first = gained["estimate"]["value"] * 3000 / (300 / 24)
    assert gained["per_day"] == pytest.approx(at_first, rel=0.1), "long after its last decision"


def test_before_any_decision_there_is_none(campaign: Make) -> None:
    assert pace(campaign()) == Pace()
