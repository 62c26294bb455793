"""The head of a readout for lists: the numbers of the whole document, from fewer rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from experiments.errors import ForbiddenError
from experiments.model.access.principal import SYSTEM, Principal
from experiments.views.readout import headline
from tests.experiments.readout.conftest import Campaign

Make = Callable[..., Any]
SAME = ("experiment", "status", "revision", "method", "control", "objective", "checks", "notes")
METRICS = ("reengagement", "net_value")


def filled(campaign: Make, people: Make, **changes: Any) -> Campaign:
    """Arms, segments, repeated decisions, and a metric that is met late."""
    made, rng = campaign(**changes), np.random.default_rng(5)
    made.enrol("treated", "bogo-5", [{"conversion": 1.0}] * 90, segment="AT")
    for segment, rate in (("AT", 0.2), ("CH", 0.1), ("", 0.3)):
        made.enrol("treated", "bogo-5", people(rng, 700, rate, cost=1.0), segment, every=2)
        made.enrol("treated", "sale", people(rng, 300, rate), segment)
        made.enrol("holdout", "nothing", people(rng, 800, 0.1), segment)
    return made


def assert_alike(found: Any, expected: Any) -> None:
    """Sums were added in another order: floats to 1e-10, all else exactly."""
    if isinstance(found, dict):
        for name, value in found.items():
            assert_alike(value, expected[name])
    elif isinstance(found, float):
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-12)
    else:
        assert found == expected


@pytest.mark.parametrize("status", ["running", "stopped"])
def test_a_headline_has_the_readouts_numbers(campaign: Make, people: Make, status: str) -> None:
    made = filled(campaign, people, status=status, guardrails=[{"metric": "unsubscribe", "worst": 0.1}])
    found, whole = headline(made.engine, SYSTEM, made.definition.key), made.readout()
    assert_alike({name: found[name] for name in SAME}, whole)
    assert_alike({name: found[name] for name in ("counts", "verdict", "variants", "money")}, whole)
    assert found["verdict"]["word"] != "keep running" or status == "running"
    assert found["variants"].keys() == whole["variants"].keys()
    for variant in found["variants"].values():
        assert tuple(variant["metrics"]) == METRICS
    assert tuple(found["variants"]["treated"]["versus"]["holdout"]) == METRICS
    assert found["money"].keys() == whole["money"].keys()


def test_a_headline_before_anything_has_matured(campaign: Make) -> None:
    made = campaign()
    found, whole = headline(made.engine, SYSTEM, made.definition.key), made.readout()
    assert_alike({name: found[name] for name in (*SAME, "counts", "verdict", "variants", "money")}, whole)


def test_a_headline_is_for_readers(campaign: Make) -> None:
    made = campaign()
    with pytest.raises(ForbiddenError):
        headline(made.engine, Principal("nobody", frozenset()), made.definition.key)
