"""Limits leave arms out before the draw (law 3), each with its reason; `nothing` is never left out."""

from collections import Counter
from itertools import pairwise

import pytest

from experiments.model.access.principal import SYSTEM
from experiments.services.verifying import verify
from tests.experiments.limits.conftest import ARMS

ENDS = "2099-01-01T00:00:00Z"
HALVES = {
    "variants": [
        {"key": "treated", "share": 0.5, "policy": {"name": "uniform"}},
        {"key": "holdout", "share": 0.5, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
    ]
}
"""Variants of which one leaves its units alone."""


def test_a_contact_cap_of_the_unit(launch):
    campaign = launch(caps={"contacts": [{"max": 2, "within": "P7D"}]})
    found = [campaign.ask("u") for _ in range(30)]
    contacts = [each for each in found if each["arm"] != "nothing"]
    assert len(contacts) == 2
    assert campaign.excluded(found[-1]) == {"mail": "capped", "coupon": "capped"}
    assert found[-1]["pmf"] == {"nothing": 1.0}
    assert campaign.ask("another")["pmf"] == pytest.approx({"nothing": 1 / 3, "mail": 1 / 3, "coupon": 1 / 3})
    campaign.void(contacts[0])
    assert len(campaign.ask("u")["pmf"]) == 3, "a void gives the cap back"


def test_a_contact_cap_over_all_experiments(launch):
    caps = {"caps": {"contacts": [{"max": 1, "within": "P7D", "scope": "service"}]}}
    first, second = launch(**caps), launch(key="f", **caps)
    while first.ask("u")["arm"] == "nothing":
        pass
    assert second.ask("u")["pmf"] == {"nothing": 1.0}
    assert second.ask("v")["pmf"] != {"nothing": 1.0}


def test_a_window_forgets(launch):
    campaign = launch(caps={"contacts": [{"max": 1, "within": "P1D"}]}, clock="caller")
    days = [
        campaign.ask("u", at=f"2026-01-{day:02d}T{hour:02d}:00:00Z")["arm"] for day in range(1, 15) for hour in (6, 18)
    ]
    contacts = [place for place, arm in enumerate(days) if arm != "nothing"]
    assert len(contacts) > 3
    assert all(later - earlier >= 2 for earlier, later in pairwise(contacts))


def test_reward_caps_of_a_unit_and_in_all(launch):
    campaign = launch(caps={"reward": {"per_unit": 10, "total": 50}})
    spent = Counter(
        each["unit_id"] for n in range(8) for each in campaign.many([f"u{n}"] * 12) if each["arm"] == "coupon"
    )
    assert max(spent.values()) == 2
    assert sum(spent.values()) == 10
    assert campaign.excluded(campaign.ask("late")) == {"coupon": "capped"}


def test_a_cap_of_an_arm(launch):
    campaign = launch(caps={"arms": {"mail": {"total": 7}}})
    found = campaign.many([f"u{n}" for n in range(60)])
    assert Counter(each["arm"] for each in found)["mail"] == 7
    campaign.void(next(each for each in found if each["arm"] == "mail"))
    again = [campaign.ask(f"v{n}")["arm"] for n in range(20)]
    assert again.count("mail") == 1


def test_a_cap_on_a_running_experiment_counts_what_was_decided_before(launch):
    campaign = launch()
    before = Counter(each["arm"] for each in campaign.many([f"u{n}" for n in range(40)]))["mail"]
    campaign.change(caps={"arms": {"mail": {"total": before + 3}}})
    after = Counter(each["arm"] for each in campaign.many([f"v{n}" for n in range(60)]))["mail"]
    assert after == 3
    campaign.change(caps={"arms": {"mail": {"total": before + 1}}})
    assert "mail" not in campaign.ask("w")["pmf"], "lowered below what is used"
    campaign.change(caps={"arms": {"mail": {"total": before + 5}}})
    assert Counter(each["arm"] for each in campaign.many([f"x{n}" for n in range(60)]))["mail"] == 2


def test_a_hard_budget_is_never_exceeded(launch):
    campaign = launch(budget={"amount": 30, "pacing": "none"})
    found = campaign.many([f"u{n}" for n in range(200)])
    spent = sum({"nothing": 0, "mail": 0.01, "coupon": 5.01}[each["arm"]] for each in found)
    standing = campaign.budget()
    assert standing["committed"] == pytest.approx(spent)
    assert 30 - 5.01 < spent <= 30
    assert campaign.excluded(campaign.ask("late"))["coupon"] == "budget"


@pytest.mark.parametrize("amount", [5, 30])
def test_a_budget_that_is_spent_says_so(launch, amount):
    campaign = launch(clock="caller", arms=ARMS[:1] + ARMS[2:], budget={"amount": amount, "pacing": "none"})
    assert campaign.budget()["depletes_at"] is None, "the clock has not begun"
    campaign.many([f"u{n}" for n in range(60)], at="2026-01-01T00:00:00Z")
    standing = campaign.budget()
    assert standing["depleted"] and standing["depletes_at"]["value"] == standing["as_of"] == "2026-01-01T00:00:00Z"
    campaign.change(budget={"amount": 1, "pacing": "none"})
    assert campaign.budget()["depletes_at"] == dict.fromkeys(("value", "lower", "upper"), standing["as_of"])
    campaign.change(budget={"amount": 1000, "pacing": "none"})
    assert not campaign.budget()["depleted"]


def test_a_budget_that_is_over_pays_nothing(launch):
    campaign = launch(budget={"amount": 30, "ends_at": "2026-01-02T00:00:00Z"}, clock="caller")
    assert "coupon" in campaign.ask("u", at="2026-01-01T00:00:00Z")["pmf"]
    assert campaign.ask("u", at="2026-01-02T00:00:00Z")["pmf"] == {"nothing": 1.0}


def test_quiet_hours_are_the_units_own(launch):
    campaign = launch(
        clock="caller",
        time_zone="Europe/Berlin",
        quiet_hours={"from": "21:00", "to": "08:00"},
        arms=[{"key": "nothing"}, {"key": "now"}, {"key": "noon", "attributes": {"send_hour": 12}}],
    )
    at = "2026-07-01T19:30:00Z"  # 21:30 in Berlin, 15:30 in New York
    asleep = campaign.ask("u", at=at)
    assert campaign.excluded(asleep) == {"now": "quiet_hours"}
    assert len(campaign.ask("v", at=at, context={"time_zone": "America/New_York"})["pmf"]) == 3
    refused = campaign.ask("w", status=422, at=at, context={"time_zone": "Europe/Berln"})
    assert [fault["pointer"] for fault in refused["errors"]] == ["/context/time_zone"]
    assert "did you mean Europe/Berlin?" in refused["errors"][0]["detail"]
    assert len(campaign.ask("w", at=at, context={"time_zone": None})["pmf"]) == 2


def test_who_is_suppressed_before_the_first_decision_takes_part_in_no_variant(launch, client):
    campaign = launch(**HALVES)
    assert client.put("/v1/suppressions/a/b", json={"reason": "complained"}).status_code == 204
    for unit in ("x", "y", "z", *(f"u{n}" for n in range(20))):
        assert client.put(f"/v1/suppressions/{unit}", json={"reason": "complained"}).status_code == 204
        found = campaign.ask(unit)
        assert (found["assigned"], found["reason"], found["payload"]) == (False, "suppressed", None)
    assert campaign.ask("a/b", arm="coupon", force=True)["reason"] == "suppressed"
    assert client.get("/v1/suppressions/a/b").json()["reason"] == "complained"
    assert client.put("/v1/suppressions", json={"units": ["p", "q"]}).json() == {"suppressed": 2}
    assert [each["unit_id"] for each in client.get("/v1/suppressions").json()["items"]][:2] == ["q", "p"]
    assert client.delete("/v1/suppressions/a/b").status_code == 204
    assert client.delete("/v1/suppressions/a/b").status_code == 404
    assert campaign.ask("a/b")["assigned"]


def test_who_unsubscribes_goes_on_with_nothing_in_every_variant(launch, client):
    campaign = launch(**HALVES)
    variants = Counter()
    for n in range(12):
        decision = campaign.ask(f"u{n}")
        outcome = {"event_id": str(n), "decision_id": decision["decision_id"], "kind": "unsubscribe"}
        assert client.post("/v1/outcomes", json={**outcome, "occurred_at": decision["decided_at"]}).status_code == 200
        again = campaign.ask(f"u{n}")
        assert (again["arm"], again["propensity"]) == ("nothing", 1.0)
        if again["variant"] == "treated":
            assert campaign.excluded(again) == {"mail": "suppressed", "coupon": "suppressed"}
        variants[again["variant"]] += 1
    assert set(variants) == {"treated", "holdout"}
    assert client.delete("/v1/units/u1").status_code == 204
    assert client.get("/v1/suppressions/u1").status_code == 404


def test_a_repeat_to_a_suppressed_unit_is_the_same_decision_without_its_payload(launch, client):
    campaign = launch(decision_window="P7D", **HALVES)
    before = [campaign.ask(f"u{n}") for n in range(8)]
    client.put("/v1/suppressions", json={"units": [f"u{n}" for n in range(8)]})
    for one in before:
        again = campaign.ask(one["unit_id"])
        changed = {"reason": "repeat", "withheld": "suppressed", "payload": None}
        assert again == {**one, **changed}
        assert campaign.many([one["unit_id"]])[0]["withheld"] == "suppressed"
    client.delete("/v1/suppressions/u0")
    assert campaign.ask("u0") == {**before[0], "reason": "repeat"}


def test_where_limits_leave_nothing_it_is_recorded(launch, engine):
    campaign = launch(arms=[{"key": "a"}, {"key": "b"}], caps={"contacts": [{"max": 1, "within": "P1D"}]})
    assert campaign.ask("u")["assigned"]
    left = campaign.ask("u")
    assert (left["arm"], left["pmf"], left["propensity"], left["mode"]) == ("nothing", {"nothing": 1.0}, 1.0, "fixed")
    assert campaign.excluded(left) == {"a": "capped", "b": "capped"}
    assert verify(engine, SYSTEM, "e").different == 0


RULE = {">": [{"var": "x"}, 0]}
LIMITS = {
    "contacts": {"caps": {"contacts": [{"max": 1, "within": "P1D"}]}},
    "reward per unit": {"caps": {"reward": {"per_unit": 5}}},
    "reward in all": {"caps": {"reward": {"total": 25}}},
    "arms": {"caps": {"arms": {"mail": {"total": 3}, "coupon": {"total": 3}}}},
    "budget": {"budget": {"amount": 12, "pacing": "none"}},
    "quiet hours": {"quiet_hours": {"from": "00:00", "to": "23:59"}},
    "rules": {"arms": [{"key": key, "reward_cost": 5, "eligible": RULE} for key in ("mail", "coupon")]},
}
POLICIES = {
    "bandit": {"name": "squarecb", "floor": 0.02},
    "mail": {"name": "fixed", "params": {"arm": "mail"}},
    "split": {"name": "split", "params": {"weights": {"mail": 0.5, "coupon": 0.5}}},
    "holdout": {"name": "fixed", "params": {"arm": "nothing"}},
}


@pytest.mark.parametrize("kind", LIMITS)
def test_the_decided_units_of_variants_are_the_same_under_every_limit(launch, engine, kind):
    """Of whom an arm is there for, everybody is decided as often as asked, in whatever variant."""
    variants = [{"key": key, "share": 0.25, "policy": policy} for key, policy in POLICIES.items()]
    arms = [{"key": "mail", "contact_cost": 0.01}, {"key": "coupon", "reward_cost": 5}]
    campaign = launch(**{"arms": arms, "variants": variants} | LIMITS[kind])
    decided, reasons = {key: Counter() for key in POLICIES}, Counter()
    for n in range(60):
        for each in campaign.many([f"u{n}"] * 3, context={"x": n % 2}):
            reasons[each["reason"]] += 1
            if each["assigned"]:
                decided[each["variant"]][each["unit_id"]] += 1
    assert {count for units in decided.values() for count in units.values()} == {3}
    assert reasons["no_arm"] == (90 if kind == "rules" else 0), "for whom no arm is there takes part in no variant"
    assert all(decided.values())
    assert verify(engine, SYSTEM, "e").different == 0


def test_forced_arms_are_outside_of_every_limit(launch):
    campaign = launch(caps={"arms": {"coupon": {"total": 1}}, "contacts": [{"max": 1, "within": "P1D"}]})
    for _ in range(3):
        assert campaign.ask("qa", arm="coupon", force=True)["reason"] == "forced"
    assert len(campaign.ask("qa")["pmf"]) == 3


def test_verify_derives_decisions_under_a_price_again(launch, engine, worker, lease):
    learned = [{"key": "v", "share": 1.0, "policy": {"name": "squarecb", "floor": 0.02}}]
    campaign = launch(clock="caller", variants=learned, budget={"amount": 400, "ends_at": "2026-01-11T00:00:00Z"})
    prices = []
    for hour in range(0, 72, 3):
        at = f"2026-01-{1 + hour // 24:02d}T{hour % 24:02d}:00:00Z"
        found = campaign.many([f"u{hour}-{n}" for n in range(12)], at=at)
        worker.pacer.run(lease, 0)
        prices.append(campaign.budget()["lambda"])
    record = campaign.client.get(f"/v1/decisions/{found[-1]['decision_id']}").json()
    assert record["shadow_price"] > 0
    assert record["pmf"]["coupon"] < record["pmf"]["mail"] < record["pmf"]["nothing"]
    assert min(record["pmf"].values()) >= 0.02
    standing = campaign.budget()
    assert standing["lambda"] == prices[-1]
    assert standing["depletes_at"]["lower"] <= standing["depletes_at"]["value"]
    assert verify(engine, SYSTEM, "e").different == 0


def test_a_campaign_whose_budget_has_ended_is_not_started(client):
    body = {
        "key": "late",
        "arms": [{"key": "nothing"}, {"key": "mail"}],
        "variants": [{"key": "v", "share": 1.0, "policy": {"name": "uniform"}}],
        "budget": {"amount": 10, "ends_at": "2020-01-01T00:00:00Z"},
    }
    assert client.post("/v1/experiments", json=body).status_code == 201
    refused = client.post("/v1/experiments/late/start")
    assert refused.status_code == 409 and "budget.ends_at has passed" in refused.json()["detail"]
    moved = client.patch("/v1/experiments/late", json={"budget": {"ends_at": ENDS}})
    assert moved.status_code == 200, moved.text
    assert client.post("/v1/experiments/late/start").status_code == 200


@pytest.mark.parametrize("listed", [True, False])
def test_a_pause_does_not_end_what_the_person_asked_for(launch, client, listed):
    """Only a release does; and a pause that a list asked for ends as a later one says."""
    launch()
    event = {"event_id": "1", "unit_id": "ana", "kind": "unsubscribe", "occurred_at": "2026-01-05T00:00:00Z"}
    client.post("/v1/outcomes", json={"outcomes": [event]})
    client.put("/v1/suppressions", json={"units": ["ben"], "reason": "pause", "expires_at": "2999-01-01T00:00:00Z"})
    pause = {"reason": "holiday", "expires_at": "2998-01-01T00:00:00Z"}
    for unit in ("ana", "ben"):
        if listed:
            client.put("/v1/suppressions", json={"units": [unit], **pause})
        else:
            client.put(f"/v1/suppressions/{unit}", json=pause)
    shown = {unit: client.get(f"/v1/suppressions/{unit}").json() for unit in ("ana", "ben")}
    assert (shown["ana"]["reason"], shown["ana"]["expires_at"]) == ("unsubscribe", None)
    assert (shown["ben"]["reason"], shown["ben"]["expires_at"]) == ("holiday", "2998-01-01T00:00:00Z")
    assert client.delete("/v1/suppressions/ana").status_code == 204
