"""The pure join: what counts for a decision, and what it was worth."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.metrics import METRICS, MONEY, Event, Exposure, MetricPlan, join, metric_names
from experiments.model.designing.definition import Definition
from experiments.model.times import SECOND

START = 1_000 * SECOND
WINDOW = 100 * SECOND
GRACE = 10 * SECOND


def definition(maximise: str = "reengagement", margin: float = 0.5, **extra: object) -> Definition:
    return Definition.model_validate(
        {
            "key": "spring",
            "arms": [
                {"key": "nothing"},
                {"key": "mail", "reward_cost": 3.0, "contact_cost": 0.25},
                {"key": "bogo", "reward_cost": 5.0, "cost_on": "redeemed", "contact_cost": 0.5},
                {"key": "late", "reward_cost": 7.0, "cost_on": "reengagement"},
                {"key": "own", "reward_cost": 9.0, "cost_on": "coupon_shown"},
            ],
            "variants": [{"key": "all", "share": 1, "policy": {"name": "uniform"}}],
            "objective": {"maximise": maximise, "margin": margin},
            **extra,
        }
    )


def exposure(arm: str = "mail", next_at: int | None = None, **extra: object) -> Exposure:
    fields = {"reward_cost": None, "voided": False} | extra
    return Exposure(
        arm,
        decided_at=START,
        closes_at=START + WINDOW,
        next_at=next_at,
        matures_at=START + WINDOW + GRACE,
        **fields,
    )


def event(kind: str, after: float = 1.0, value: float | None = None, **extra: object) -> Event:
    at = START + int(after * SECOND)
    fields = {"source": "", "event_id": f"{kind}@{after}", "received": at, "named": True} | extra
    return Event(kind=kind, value=value, occurred_at=at, **fields)


kinds = st.sampled_from([*METRICS, "coupon_shown"])
events = st.builds(
    Event,
    source=st.sampled_from(["", "shop"]),
    event_id=st.integers(0, 6).map(str),
    kind=kinds,
    value=st.none() | st.floats(-1e6, 1e6),
    occurred_at=st.integers(START - 5 * SECOND, START + WINDOW + 5 * SECOND),
    received=st.none() | st.integers(START, START + WINDOW + 2 * GRACE),
    named=st.booleans(),
)


def unique(drawn: list[Event]) -> list[Event]:
    return list({(one.source, one.event_id): one for one in drawn}.values())


@given(
    st.lists(events, max_size=12), st.randoms(use_true_random=False), st.sampled_from(["mail", "bogo", "late", "own"])
)
def test_order_and_repetition_never_matter(drawn: list[Event], rng: random.Random, arm: str) -> None:
    clean = unique(drawn)
    noisy = clean + [rng.choice(clean) for _ in range(5) if clean]
    rng.shuffle(noisy)
    where = exposure(arm, next_at=START + WINDOW // 2)
    assert join(definition("net_value"), where, noisy) == join(definition("net_value"), where, clean)


@given(st.lists(events, max_size=12))
def test_what_does_not_count_changes_nothing(drawn: list[Event]) -> None:
    clean = unique(drawn)
    stray = [
        event("session", after=-1, event_id="before"),
        event("session", after=100, event_id="at the close"),
        event("session", received=START + WINDOW + GRACE + 1, event_id="late"),
        event("session", after=60, named=False, event_id="the next decision's"),
    ]
    where = exposure(next_at=START + 60 * SECOND)
    assert join(definition(), where, clean + stray) == join(definition(), where, clean)


def test_the_window_is_closed_below_and_open_above() -> None:
    assert join(definition(), exposure(), [event("session", after=0)])[0] == 1.0
    assert join(definition(), exposure(), [event("session", after=99.999999)])[0] == 1.0
    assert join(definition(), exposure(), [event("session", after=100)])[0] == 0.0


def test_an_event_that_names_the_decision_outlives_the_next_one() -> None:
    where = exposure(next_at=START + 10 * SECOND)
    assert join(definition(), where, [event("session", after=20)])[0] == 1.0
    assert join(definition(), where, [event("session", after=20, named=False)])[0] == 0.0
    assert join(definition(), where, [event("session", after=9, named=False)])[0] == 1.0


def test_receipt_at_maturity_counts_and_later_does_not() -> None:
    last = START + WINDOW + GRACE
    assert join(definition(), exposure(), [event("session", received=last)])[0] == 1.0
    assert join(definition(), exposure(), [event("session", received=last + 1)])[0] == 0.0


@pytest.mark.parametrize(
    ("arm", "kinds_seen", "reward_cost", "contact_cost"),
    [
        ("nothing", ["session"], 0.0, 0.0),
        ("mail", [], 3.0, 0.25),
        ("bogo", ["conversion"], 0.0, 0.5),
        ("bogo", ["reward_redeemed"], 5.0, 0.5),
        ("late", ["session", "participation"], 7.0, 0.0),
        ("late", ["view"], 0.0, 0.0),
        ("own", ["coupon_shown"], 9.0, 0.0),
        ("own", ["session"], 0.0, 0.0),
    ],
)
def test_costs_fall_due(arm: str, kinds_seen: list[str], reward_cost: float, contact_cost: float) -> None:
    seen = [event(kind) for kind in kinds_seen] + [event("revenue", value=40.0)]
    reward, metrics = join(definition("net_value"), exposure(arm), seen)
    assert metrics.get("reward_cost", 0.0) == reward_cost
    assert metrics.get("contact_cost", 0.0) == contact_cost
    assert reward == 0.5 * 40.0 - reward_cost - contact_cost


def test_a_cost_override_replaces_the_definition() -> None:
    assert join(definition(), exposure("mail", reward_cost=1.5), [])[1]["reward_cost"] == 1.5
    assert "reward_cost" not in join(definition(), exposure("bogo", reward_cost=1.5), [])[1]


def test_a_voided_decision_costs_nothing_and_keeps_what_the_unit_did() -> None:
    where = exposure("mail", voided=True, reward_cost=4.0)
    reward, metrics = join(definition("net_value"), where, [event("revenue", value=10.0), event("session")])
    assert (reward, metrics["session"], metrics["revenue"]) == (5.0, 1.0, 10.0)
    assert not {"reward_cost", "contact_cost"} & set(metrics)


@pytest.mark.parametrize("arm", ["mail", "bogo"])
def test_a_voided_decision_keeps_the_costs_that_fell_due(arm: str) -> None:
    """Who redeemed was reached: revenue, reward cost and contact cost are those of a delivered decision."""
    seen = [event("revenue", value=40.0), event("reward_redeemed", 2)]
    voided, delivered = (join(definition("net_value"), exposure(arm, voided=void), seen) for void in (True, False))
    assert voided == delivered


def test_a_voided_decision_pays_what_an_outcome_made_due() -> None:
    """A conversion proves no contact, but what is paid on conversion was paid."""
    seen = [event("revenue", value=40.0), event("conversion", 2)]
    for arm in definition().arms:
        voided = join(definition("net_value"), exposure(arm.key, voided=True), seen)[1]
        delivered = join(definition("net_value"), exposure(arm.key), seen)[1]
        due_at_once = arm.cost_on == "decision"
        assert voided.get("reward_cost", 0.0) == (0.0 if due_at_once else delivered.get("reward_cost", 0.0))
        assert "contact_cost" not in voided


def test_metrics_of_the_experiments_own() -> None:
    own = [
        {"name": "visits", "kinds": ["session", "view"], "aggregate": "count"},
        {"name": "early", "kinds": ["session"], "aggregate": "any", "within": timedelta(seconds=5)},
        {"name": "reengagement", "kinds": ["click"], "aggregate": "any"},
    ]
    seen = [event("session", 2), event("session", 6), event("view", 3), event("click", 50)]
    _, metrics = join(definition(metrics=own), exposure("nothing"), seen)
    assert metrics == {"session": 1, "view": 1, "click": 1, "visits": 3, "early": 1, "reengagement": 1}


def test_absurd_values_stay_finite() -> None:
    huge = [event("revenue", value=1e308, event_id=str(place)) for place in range(5)]
    reward, metrics = join(definition("net_value"), exposure("nothing"), huge)
    assert reward == pytest.approx(0.5 * metrics["revenue"])
    assert metrics["revenue"] ** 2 < float("inf")


@given(st.lists(events, max_size=8))
def test_every_metric_has_a_name_and_zeros_are_left_out(drawn: list[Event]) -> None:
    _, metrics = join(definition(), exposure("bogo"), unique(drawn))
    assert set(metrics) <= set(metric_names(definition())) == {*METRICS, *MONEY}
    assert all(metrics.values())


def test_a_refund_is_negative_revenue() -> None:
    """As docs/streams.md says: within the window it is taken off, up to the cap too; later it changes nothing."""
    made = definition("net_value")
    bought, back = event("revenue", 1, 50.0), event("revenue", 2, -20.0)
    assert join(made, exposure(), [bought, back])[1]["revenue"] == 30.0
    assert join(made, exposure(), [bought, event("revenue", 101, -20.0)])[1]["revenue"] == 50.0
    metrics = join(made, exposure(), [bought, back])[1]
    assert MetricPlan(definition("net_value", cap_revenue=25.0)).capped(metrics, 0.0)["capped_revenue"] == 25.0
    assert MetricPlan(definition("net_value", cap_revenue=40.0)).capped(metrics, 0.0)["capped_revenue"] == 30.0
