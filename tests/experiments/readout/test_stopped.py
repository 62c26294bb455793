"""The verdict of an experiment that is over."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.experiments.readout.conftest import lifted

Make = Callable[..., Any]


@pytest.mark.parametrize("n", [10, 2000])
def test_a_stopped_experiment_that_cannot_tell_says_so(campaign: Make, people: Make, n: int) -> None:
    """Undecided is not decided: no difference is claimed, none is denied, and nothing can be waited for."""
    running = lifted(campaign, people, (0.2, 0.2), n).readout()["verdict"]
    assert running["word"] == "keep running"
    verdict = lifted(campaign, people, (0.2, 0.2), n, status="stopped").readout()["verdict"]
    assert verdict["word"] == "keep running" and verdict["days_left"] is None
    assert verdict["reason"].startswith("undecided: it was stopped before it could tell")
    open_question = "both better and worse are possible" if n == 2000 else "of the 50 events each group needs"
    assert open_question in verdict["reason"]
    assert "yet" not in verdict["reason"] and "until" not in verdict["reason"]


def test_a_stopped_experiment_says_what_another_would_take(campaign: Make, people: Make) -> None:
    verdict = lifted(campaign, people, (0.225, 0.2), 2000, status="stopped").readout()["verdict"]
    assert "days more would have told" in verdict["reason"]


def test_a_decided_experiment_stays_decided_when_it_is_stopped(campaign: Make, people: Make) -> None:
    assert lifted(campaign, people, (0.3, 0.2), 4000, status="stopped").readout()["verdict"]["word"] == "ship"
    assert lifted(campaign, people, (0.2, 0.3), 4000, status="stopped").readout()["verdict"]["word"] == "stop for harm"
