"""The contract's section 3 over HTTP, on SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from experiments.model.access.principal import SYSTEM
from experiments.model.times import to_micros
from experiments.services.access.granting_keys import create_key
from experiments.services.segmenting.membership import set_members
from experiments.services.verifying import verify
from experiments.store.core.engine import transaction

UNIFORM = [{"key": "v", "share": 1.0, "policy": {"name": "uniform"}}]
LISTED = [{"key": "v", "share": 1.0, "policy": {"name": "listed"}}]


def test_a_decision_repeats_until_it_expires(launch) -> None:
    running = launch(decision_window="PT1H")
    first = running.ask("u", context={"x": 1})
    assert (first["reason"], first["epoch"], first["attempt"], first["assigned"]) == ("new", 0, 0, True)
    assert sum(first["pmf"].values()) == pytest.approx(1.0, abs=1e-12)
    assert first["propensity"] == first["pmf"][first["arm"]]
    again = running.ask("u", context={"x": 2})
    assert again == first | {"reason": "repeat"}
    assert running.shown(first)["context"] == {"x": 1}


def test_a_void_raises_the_attempt_and_only_before_maturity(launch) -> None:
    running = launch()
    first = running.ask("u")
    voided = running.void(first)
    assert voided["reason"] == "undeliverable"
    assert running.void(first, reason="suppressed") == voided
    second = running.ask("u")
    assert (second["epoch"], second["attempt"], second["variant"]) == (0, 1, first["variant"])
    running.void(second, status=422, reason="replay_rejected")
    shown = running.shown(first)
    assert shown["void"]["reason"] == "undeliverable"


def test_voids_of_a_list_are_refused_one_by_one(launch, client) -> None:
    running = launch()
    made = [running.ask(f"u{n}")["decision_id"] for n in range(2)]
    asked = [
        made[0],
        {"decision_id": "d_0000000000000"},
        {"decision_id": made[1], "reason": "replay_rejected"},
        "x",
        made[0],
    ]
    results = client.post("/v1/decisions/void", json={"decisions": asked, "reason": "suppressed"}).json()["results"]
    assert [each.get("status", "void") for each in results] == ["void", 404, 422, 404, "void"]


def test_a_zero_window_needs_a_key_and_each_key_is_an_epoch(launch) -> None:
    running = launch(decision_window="PT0S")
    assert running.ask("u", 422)["errors"][0]["pointer"] == "/idempotency_key"
    first, second = running.ask("u", idempotency_key="k1"), running.ask("u", idempotency_key="k2")
    assert (first["epoch"], second["epoch"]) == (0, 1)
    assert running.ask("u", idempotency_key="k1") == first | {"reason": "repeat"}
    assert "another unit" in running.ask("w", 409, idempotency_key="k1")["detail"]
    running.void(first)
    redrawn = running.ask("u", idempotency_key="k1")
    assert (redrawn["epoch"], redrawn["attempt"], redrawn["reason"]) == (0, 1, "new")


def test_forcing_takes_its_scope_and_stays_out_of_learning(launch, client, engine) -> None:
    running = launch()
    forced = running.ask("u", arm="b", force=True)
    assert (forced["reason"], forced["mode"], forced["arm"], forced["propensity"]) == ("forced", "forced", "b", 1.0)
    assert running.ask("u")["decision_id"] == forced["decision_id"]
    assert running.ask("u", arm="c", force=True)["arm"] == "c"
    assert running.ask("w", 422, arm="zzz", force=True)["errors"][0]["pointer"] == "/arm"
    assert running.ask("w", 422, force=True)["errors"][0]["pointer"] == "/arm"
    weak = client.holding(create_key(engine, SYSTEM, "campaigns", ["assign"]).key)
    body = {"unit_id": "w", "arm": "b", "force": True}
    assert weak.post(f"{running.path}/assignments", json=body).status_code == 403
    (alone,) = weak.post(f"{running.path}/assignments/batch", json=[body]).json()["results"]
    assert alone["status"] == 403


def test_a_preview_stores_nothing_and_tells_what_would_come(launch) -> None:
    running = launch()
    preview = running.ask("u", preview=True, context={"x": 1})
    assert preview["decision_id"] is None
    assert running.count() == 0
    real = running.ask("u", context={"x": 1})
    assert (real["arm"], real["pmf"], real["variant"]) == (preview["arm"], preview["pmf"], preview["variant"])


def test_the_caller_names_the_arm_of_a_listed_variant(launch) -> None:
    arms = [{"key": "a"}, {"key": "b", "eligible": {"==": [{"var": "vip"}, True]}}]
    running = launch(variants=LISTED, arms=arms)
    chosen = running.ask("u", arm="b", context={"vip": True})
    assert (chosen["arm"], chosen["propensity"]) == ("b", 1.0)
    assert "its rule does not hold" in running.ask("w", 422, arm="b")["errors"][0]["detail"]
    assert running.ask("w", 422)["errors"][0]["pointer"] == "/arm"
    assert running.ask("w", 422, arm="zzz")["errors"][0]["pointer"] == "/arm"


def test_states_decide_whether_anything_is_drawn(launch) -> None:
    running = launch()
    first = running.ask("u")
    running.move("pause")
    assert running.ask("w")["reason"] == "paused"
    assert running.ask("u")["decision_id"] == first["decision_id"]
    running.move("resume")
    assert running.ask("w")["reason"] == "new"
    running.move("stop")
    assert running.ask("x")["reason"] == "ended"
    assert running.ask("u")["decision_id"] == first["decision_id"]
    running.move("archive")
    assert "archived" in running.ask("u", 409)["detail"]


def test_reasons_for_nothing(launch, client) -> None:
    rule = {">": [{"var": "x"}, 0]}
    running = launch(eligible=rule, arms=[{"key": "a", "eligible": {">": [{"var": "y"}, 0]}}], variants=UNIFORM)
    assert running.ask("u")["reason"] == "not_eligible"
    none = running.ask("u", context={"x": 1})
    assert (none["reason"], none["assigned"], none["arm"]) == ("no_arm", False, None)
    assert running.ask("u", context={"x": 1, "y": 1})["reason"] == "new"
    late = launch(key="late", ramp=[{"after": "P1D", "share": 1.0}])
    assert late.ask("u")["reason"] == "not_enrolled"
    assert client.post("/v1/experiments/nobody/assignments", json={"unit_id": "u"}).status_code == 404


def test_profiles_are_joined_under_what_the_caller_says(launch, client) -> None:
    running = launch(eligible={"==": [{"var": "tier"}, "gold"]})
    client.put("/v1/units/u", json={"profile": {"tier": "gold", "orders": 3}})
    shown = running.shown(running.ask("u", context={"orders": 4}))
    assert shown["context"] == {"tier": "gold", "orders": 4}
    assert running.ask("w")["reason"] == "not_eligible"


def test_a_past_instant_sees_nothing_that_was_written_later(launch, client, engine) -> None:
    """Profile and segments of now are not those of then: they may have come of the decision itself."""
    running = launch(clock="caller", decision_window="PT1H")
    client.post("/v1/segments", json={"key": "vip", "name": "VIP", "kind": "external", "params": {}})
    client.put("/v1/units/u1", json={"profile": {"days_inactive": 40, "plan": "gold"}})
    set_members(engine, SYSTEM, "vip", {"u1": "member"})
    written = datetime.now(UTC)
    with transaction(engine) as session:
        past, later = to_micros(written - timedelta(days=2)), to_micros(written - timedelta(days=1))
        session.connection().execute(text(f"UPDATE units SET updated_at = {past}, segments_at = {later}"))
    seen = {}
    for days in (3, 1.5, 0.5):
        at = (written - timedelta(days=days)).isoformat()
        seen[days] = running.ask("u1", at=at, context={"days_inactive": 50})
    contexts = {days: running.shown(decision)["context"] for days, decision in seen.items()}
    assert contexts[3] == {"days_inactive": 50}
    assert contexts[1.5] == {"days_inactive": 50, "plan": "gold"}
    assert {"plan": "gold", "segment.vip": "member"}.items() <= contexts[0.5].items()


def test_the_callers_clock_never_goes_back(launch, client) -> None:
    running = launch(clock="caller", decision_window="PT1H")
    assert running.ask("u", 422)["errors"][0]["pointer"] == "/at"
    first = running.ask("u", at="2020-01-01T10:00:00Z")
    assert first["decided_at"] == "2020-01-01T10:00:00Z"
    assert "2020-01-01T10:00:00Z" in running.ask("w", 409, at="2020-01-01T09:00:00Z")["detail"]
    assert client.post(f"{running.path}/clock", json={"at": "2020-01-01T10:30:00Z"}).status_code == 200
    assert client.post(f"{running.path}/clock", json={"at": "2020-01-01T10:00:00Z"}).status_code == 409
    assert running.ask("u", at="2020-01-01T10:00:00Z")["decision_id"] == first["decision_id"]
    assert running.ask("u", at="2020-01-01T11:00:00Z")["epoch"] == 1
    running.void(running.ask("v", at="2020-01-01T11:00:00Z"), reason="replay_rejected")
    server = launch(key="server")
    assert server.ask("u", 422, at="2020-01-01T10:00:00Z")["errors"][0]["pointer"] == "/at"


def test_a_batch_is_answered_in_order_and_a_bad_row_fails_alone(launch) -> None:
    running = launch()
    bodies = [{"unit_id": f"u{n % 300}"} for n in range(1000)]
    bodies[7] = {"unit_id": "", "context": {"x": []}, "zzz": 1}
    results = running.ask_many(bodies)
    assert len(results[7]["errors"]) == 3
    assert [each["unit_id"] for n, each in enumerate(results) if n != 7] == [
        b["unit_id"] for n, b in enumerate(bodies) if n != 7
    ]
    by_unit = {each["unit_id"]: each["decision_id"] for n, each in enumerate(results) if n != 7}
    assert all(by_unit[each["unit_id"]] == each["decision_id"] for n, each in enumerate(results) if n != 7)
    assert running.count() == 300


def test_too_many_rows_are_refused(launch, client) -> None:
    running = launch()
    response = client.post(f"{running.path}/assignments/batch", json=[{"unit_id": "u"}] * 1001)
    assert response.status_code == 413
    assert client.post(f"{running.path}/assignments/batch", json={"rows": []}).status_code == 422
    assert client.post(f"{running.path}/assignments/batch", json={"assignments": []}).json() == {"results": []}


def test_manual_adjustments_are_in_the_pmf_and_in_the_record(launch, client) -> None:
    running = launch(variants=UNIFORM)
    client.patch(f"{running.path}/arms/c", json={"enabled": False, "reason": "stock"})
    client.patch(f"{running.path}/arms/a", json={"weight": 0.9, "reason": "push"})
    client.patch(f"{running.path}/arms/b", json={"cost": 2.5, "reason": "supplier"})
    made = running.ask("u")
    assert made["pmf"] == pytest.approx({"a": 0.9, "b": 0.1})
    shown = running.shown(made)
    assert shown["excluded"] == {"c": "disabled: stock"}
    assert (shown["weights"], shown["costs"]) == ({"a": 0.9}, {"b": 2.5})
    assert shown["explanation"]["same_draw"]
    assert shown["explanation"]["same_pmf"]


def test_shadow_policies_are_recorded_and_never_act(launch) -> None:
    shadow = [{"key": "candidate", "policy": {"name": "split", "params": {"weights": {"b": 1}}}}]
    running = launch(variants=UNIFORM, shadow=shadow)
    assert running.shown(running.ask("u"))["shadow"] == {"candidate": [0.0, 1.0, 0.0]}


def test_a_new_revision_leaves_open_decisions_as_they_were(launch, client) -> None:
    running = launch(variants=UNIFORM, arms=[{"key": "a", "reward_amount": 1}])
    first = running.ask("u")
    change = {"arms": [{"key": "z", "reward_amount": 2}]}
    assert client.patch(running.path, json=change).status_code == 200
    assert running.ask("u") == first | {"reason": "repeat"}
    assert (running.ask("w")["arm"], running.ask("w")["revision"]) == ("z", 2)


def test_pages_of_decisions(launch, client) -> None:
    running = launch()
    made = [each["decision_id"] for each in running.ask_many([{"unit_id": f"u{n}"} for n in range(25)])]
    seen, cursor = [], ""
    while cursor is not None:
        document = client.get(f"{running.path}/decisions?limit=10{cursor and '&cursor=' + cursor}").json()
        seen += [each["decision_id"] for each in document["items"]]
        cursor = document["next_cursor"]
    assert seen == made[::-1]
    found = client.get(f"{running.path}/decisions?unit_id=u3&from=2020-01-01T00:00:00Z").json()["items"]
    assert [each["decision_id"] for each in found] == [made[3]]
    assert client.get(f"{running.path}/decisions?to=2020-01-01T00:00:00Z").json()["items"] == []
    assert client.get(f"{running.path}/decisions?from=2020-01-01T00:00:00").status_code == 422


def test_two_replicas_and_sixty_four_callers_make_one_decision(launch, serving, settings, engine, client) -> None:
    running = launch()
    with serving(settings, engine) as other:
        answers = []
        for replica in (client, other.client):

            async def many(replica=replica) -> list[dict]:
                calls = [replica._client.post(f"{running.path}/assignments", json={"unit_id": "u"}) for _ in range(32)]
                return [response.json() for response in await asyncio.gather(*calls)]

            answers.append(replica.portal.start_task_soon(many))
        found = [answer for future in answers for answer in future.result()]
    assert len({each["decision_id"] for each in found}) == 1
    assert sorted(each["reason"] for each in found) == ["new"] + ["repeat"] * 63
    assert running.count() == 1


def test_races_between_keys_of_one_unit_give_each_an_epoch(launch, serving, settings, engine, client) -> None:
    running = launch(decision_window="PT0S")
    with serving(settings, engine) as other:
        futures = []
        for start, replica in enumerate((client, other.client)):

            async def many(replica=replica, start=start) -> list[dict]:
                calls = [
                    replica._client.post(
                        f"{running.path}/assignments", json={"unit_id": "u", "idempotency_key": f"k{n}"}
                    )
                    for n in range(start, 20 + start)
                ]
                return [response.json() for response in await asyncio.gather(*calls)]

            futures.append(replica.portal.start_task_soon(many))
        found = [answer for future in futures for answer in future.result()]
    assert sorted({each["epoch"] for each in found}) == list(range(21))
    assert len({each["decision_id"] for each in found}) == 21
    assert verify(engine, SYSTEM, "e").different == 0


def test_replicas_see_changes_at_once(launch, serving, settings, engine) -> None:
    running = launch()
    with serving(settings, engine) as other:
        elsewhere = type(running)(other.client, "e")
        assert elsewhere.ask("u1")["reason"] == "new"
        running.move("pause")
        assert elsewhere.ask("u2")["reason"] == "paused"
