"""What segments promise, through the service: who belongs, history, flow, drift, and what decisions see."""

import time
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import event, text

from experiments.errors import InvalidError, SupersededError
from experiments.jobs import JOBS
from experiments.model.access.principal import SYSTEM
from experiments.model.times import DAY, now, to_micros
from experiments.services.erasing import erase_unit
from experiments.services.segmenting import SEGMENTERS, Assigned
from experiments.services.segmenting.membership import COUNTED_WITHIN, replace_members
from experiments.services.segmenting.refreshing import SILENCE, claim_refresh, refresh
from experiments.store.core.engine import reading, transaction
from tests.experiments.segments.base import AGES, define, everybody


def test_tiers_by_days_of_inactivity(client, remember, run_refresh):
    remember("activity", [(unit, ago, 0.0) for unit, ago in AGES.items()] + [("fresh", 300.0, 0.0)])
    define(client, "tier", "inactivity", name="Inactivity")
    run_refresh("tier")
    assert everybody(client, "tier") == {
        "fresh": "0-30", "edge": "30-60", "cold": "30-60", "colder": "60-90", "lost": "180+"
    }  # fmt: skip
    shown = client.get("/v1/segments/tier").json()
    assert shown["sizes"] == {"0-30": 1, "30-60": 2, "60-90": 1, "180+": 1}
    assert shown["units"] == 5
    assert {(move["from"], move["to"], move["units"]) for move in shown["flow"]} >= {(None, "30-60", 2)}
    assert client.get("/v1/segments").json()["items"][0]["sizes"] == shown["sizes"]
    assert [item["unit_id"] for item in client.get("/v1/segments/tier/members?value=30-60").json()["items"]] == [
        "cold", "edge"
    ]  # fmt: skip


def test_tiers_crossed_with_value(client, remember, run_refresh):
    remember("payments", [(f"u{n:02d}", 40.0 + k, 10.0 * (n + 1)) for n in range(30) for k in range(n % 3 + 1)])
    define(client, "worth", "inactivity", {"tiers": [30], "value": {"quantiles": 3}})
    run_refresh("worth")
    found = everybody(client, "worth")
    sizes = client.get("/v1/segments/worth").json()["sizes"]
    assert sizes == {"30+/v1": 10, "30+/v2": 10, "30+/v3": 10}
    assert found["u29"] == "30+/v3"
    assert found["u00"] == "30+/v1"


def test_lapsed_against_their_own_rhythm(client, remember, run_refresh):
    rng, rows = np.random.default_rng(3), []
    for n in range(300):
        gap, first = (3.0, 100.0) if n % 3 == 0 else (20.0, 100.0), n
        days = np.cumsum(rng.exponential(gap[0], 60))
        stop = 60.0 if n % 2 else 95.0
        rows += [(f"u{first:03d}", gap[1] - day, 0.0) for day in days[days < stop]]
        rows.append((f"u{first:03d}", 100.0, 0.0))
    rows += [("once", 50.0, 0.0), ("eager", 0.5, 0.0)] + [("eager", 3.0 * k + 0.5, 0.0) for k in range(30)]
    rows += [("fallen", 40.0 + 2.0 * k, 0.0) for k in range(30)]
    remember("activity", rows)
    define(client, "rhythm", "lapsed", {"horizon_days": 14.0})
    run_refresh("rhythm")
    items = client.get("/v1/segments/rhythm/members?limit=1000").json()["items"]
    found = {item["unit_id"]: item for item in items}
    assert found["once"]["value"] == "unproven"
    assert found["eager"]["value"] == "alive"
    assert found["fallen"]["value"] == "lapsed"
    assert found["fallen"]["features"]["p_alive"] < 0.3
    assert found["eager"]["features"]["p_alive"] >= 0.7
    assert found["fallen"]["features"]["p_active"] < found["eager"]["features"]["p_active"]
    assert client.get("/v1/segments/rhythm").json()["model"]["name"] == "lapsing"


def test_new_and_never_returned(client, remember, run_refresh):
    remember("activity", [("new", 3.0, 0.0), ("gone", 30.0, 0.0), ("back", 30.0, 0.0), ("back", 1.0, 0.0)])
    define(client, "once", "never_returned", {"after_days": 14.0})
    run_refresh("once")
    assert everybody(client, "once") == {"new": "new", "gone": "never_returned"}


def test_an_experimenters_own_rules_see_profile_and_segments(client, run_refresh):
    for n in range(4):
        client.put(f"/v1/units/u{n}", json={"profile": {"orders": n, "country": "DE" if n % 2 else "FR"}})
    define(client, "vip", "external")
    client.put("/v1/segments/vip/members", json={"members": [{"unit_id": "u1"}, {"unit_id": "u3"}]})
    define(client, "many", "rule", {"rule": {">=": [{"var": "orders"}, 2]}})
    cases = [
        {"value": "german", "when": {"==": [{"var": "country"}, "DE"]}},
        {"value": "buyer", "when": {"var": "segment.many"}},
    ]
    define(client, "cases", "rule", {"rules": cases})
    run_refresh("many")
    run_refresh("cases")
    assert everybody(client, "many") == {"u2": "member", "u3": "member"}
    assert everybody(client, "cases") == {"u1": "german", "u3": "german", "u2": "buyer"}


def test_moves_are_kept_and_counted_and_the_unchanged_is_left_alone(client, engine, remember, run_refresh):
    remember("activity", [(f"u{n}", 29.0, 0.0) for n in range(6)])
    define(client, "tier", "inactivity")
    run_refresh("tier")
    since = {item["unit_id"]: item["since"] for item in client.get("/v1/segments/tier/members").json()["items"]}
    remember("activity", [("u9", 40.0, 0.0)])
    client.patch("/v1/segments/tier", json={"params": {"tiers": [10]}})
    run_refresh("tier")
    flow = client.get("/v1/segments/tier").json()["flow"]
    assert flow == [{"from": "0-30", "to": "10+", "units": 6}, {"from": None, "to": "10+", "units": 1}]
    run_refresh("tier")
    assert client.get("/v1/segments/tier").json()["flow"] == []
    moves = client.get("/v1/segments/tier/changes?unit_id=u3").json()["items"]
    assert [(move["from"], move["to"]) for move in moves] == [("0-30", "10+"), (None, "0-30")]
    assert moves[1]["changed_at"] == since["u3"]
    assert len(client.get("/v1/segments/tier/changes").json()["items"]) == 13


def test_drift_is_measured_and_tells_a_person(client, engine, remember, run_refresh):
    define(client, "tier", "external", drift_threshold=0.25)
    client.put("/v1/segments/tier/members", json={"members": [{"unit_id": f"u{n}", "value": "a"} for n in range(40)]})
    run_refresh("tier")
    assert client.get("/v1/segments/tier").json()["drift"] == {"value": None, "threshold": 0.25, "drifted": False}
    run_refresh("tier")
    assert client.get("/v1/segments/tier").json()["drift"]["value"] == pytest.approx(0.0)
    client.put("/v1/segments/tier/members", json={"members": [{"unit_id": f"u{n}", "value": "b"} for n in range(20)]})
    run_refresh("tier")
    shown = client.get("/v1/segments/tier").json()
    assert shown["drift"]["drifted"]
    assert shown["flow"] == [{"from": "a", "to": "b", "units": 20}]
    with reading(engine) as session:
        names = session.connection().execute(text("SELECT name FROM alerts WHERE resolved_at IS NULL")).scalars().all()
    assert names == ["segment_drift:tier"]
    client.put("/v1/segments/tier/members", json={"members": [{"unit_id": f"u{n}", "value": "a"} for n in range(20)]})
    run_refresh("tier")
    with reading(engine) as session:
        assert session.connection().execute(text("SELECT count(*) FROM alerts WHERE resolved_at IS NULL")).scalar() == 0


def test_external_members_only_where_they_are_given(client):
    define(client, "tier", "inactivity")
    define(client, "vip", "external")
    body = {"members": [{"unit_id": "u1", "value": "gold"}, {"unit_id": "u2"}]}
    assert client.put("/v1/segments/vip/members", json=body).json() == {"changed": 2}
    assert client.put("/v1/segments/vip/members", json=body).json() == {"changed": 0}
    assert client.put("/v1/segments/vip/members", json={"leave": ["u2", "u7"]}).json() == {"changed": 1}
    assert everybody(client, "vip") == {"u1": "gold"}
    assert client.put("/v1/segments/tier/members", json=body).status_code == 409
    assert client.put("/v1/segments/none/members", json=body).status_code == 404


def test_sizes_of_given_members_follow(client, engine, settings):
    define(client, "vip", "external")
    refresh(engine, settings.history_path, claim_refresh(engine, "vip"))
    client.put("/v1/segments/vip/members", json={"members": [{"unit_id": "u1", "value": "gold"}]})
    assert to_micros(datetime.fromisoformat(client.get("/v1/segments/vip").json()["due_at"])) <= now() + COUNTED_WITHIN
    given = Assigned(pa.array(["u2", "u3"]), ["gold", "gold"]).table()
    replace_members(engine, SYSTEM, "vip", (settings.history_path, given), lambda _done, _total: None)
    refresh(engine, settings.history_path, claim_refresh(engine))
    assert client.get("/v1/segments/vip").json()["sizes"] == {"gold": 2}


def test_an_erased_person_leaves_all_segments(client, engine):
    define(client, "vip", "external")
    client.put("/v1/segments/vip/members", json={"members": [{"unit_id": "u1"}, {"unit_id": "u2"}]})
    erase_unit(engine, SYSTEM, "u1")
    assert everybody(client, "vip") == {"u2": "member"}
    assert "u1" not in [move["unit_id"] for move in client.get("/v1/segments/vip/changes").json()["items"]]


def test_a_refresh_that_was_taken_over_writes_nothing_more(client, settings, engine, remember):
    remember("activity", [(unit, ago, 0.0) for unit, ago in AGES.items()])
    define(client, "tier", "inactivity")
    slow = claim_refresh(engine, "tier")
    assert claim_refresh(engine, "tier") is None
    with transaction(engine) as session:
        session.connection().execute(text(f"UPDATE segment_refreshes SET heartbeat_at = {now() - 2 * SILENCE}"))
    quick = claim_refresh(engine, "tier")
    assert quick.id == slow.id
    with pytest.raises(SupersededError):
        refresh(engine, settings.history_path, slow)
    refresh(engine, settings.history_path, quick)
    assert len(everybody(client, "tier")) == 5


def test_what_cannot_be_told_is_a_failed_refresh(client, remember, run_refresh):
    remember("activity", [("a", 5.0, 0.0), ("b", 6.0, 0.0)])
    define(client, "rhythm", "lapsed")
    run_refresh("rhythm")
    shown = client.get("/v1/segments/rhythm").json()
    assert "rhythm" in shown["error"]
    assert shown["units"] is None


def test_the_worker_refreshes_what_is_due(client, worker, lease):
    client.put("/v1/units/u1", json={"profile": {"orders": 3}})
    define(client, "many", "rule", {"rule": {">=": [{"var": "orders"}, 2]}}, refresh_every="PT1H")
    deadline = time.monotonic() + 60
    while client.get("/v1/segments/many").json()["refreshed_at"] is None and time.monotonic() < deadline:
        JOBS["segment"].run(worker)
        time.sleep(0.1)
    shown = client.get("/v1/segments/many").json()
    assert shown["sizes"] == {"member": 1}
    assert shown["refresh_every"] == "PT1H"
    assert JOBS["segment"].run(worker) == 0


def test_transactions_stay_short(client, settings, engine, remember, run_refresh):
    if engine.name != "sqlite":
        pytest.skip("only SQLite has one writer")
    remember("activity", [(f"unit-{n:06d}", float(n % 200), 0.0) for n in range(8000)])
    define(client, "tier", "inactivity")
    spans, begun = [], [0.0]
    # The processor's time: whatever else runs on the machine makes the clock's time longer.
    event.listen(engine, "begin", lambda _: begun.__setitem__(0, time.thread_time()))
    event.listen(engine, "commit", lambda _: spans.append(time.thread_time() - begun[0]))
    run_refresh("tier")
    assert len(spans) > 8
    assert np.median(spans) < 0.02


@pytest.mark.parametrize(
    ("kind", "params", "pointer"),
    [
        ("inactivity", {"tiers": [60, 30]}, "/params/tiers"),
        ("inactivity", {"tiers": []}, "/params/tiers"),
        ("inactivity", {"colour": 1}, "/params/colour"),
        ("inactivity", {"value": {"quantiles": 1}}, "/params/value/quantiles"),
        ("lapsed", {"model": "crystal"}, "/params/model"),
        ("lapsed", {"lapsed": 0.9}, "/params"),
        ("rule", {}, "/params"),
        ("rule", {"rule": {"upper": "x"}}, "/params/rule"),
        ("rule", {"rules": [{"value": "x", "when": {"upper": "x"}}]}, "/params/rules/0/when"),
        ("external", {"x": 1}, "/params/x"),
    ],
)
def test_parameters_that_make_no_sense(kind, params, pointer):
    with pytest.raises(InvalidError) as refused:
        SEGMENTERS[kind].read(params)
    assert refused.value.faults[0].pointer.startswith(pointer)


def test_definitions_that_make_no_sense(client):
    define(client, "tier", "inactivity")
    for body, status in (
        ({"key": "tier", "kind": "inactivity"}, 409),
        ({"key": "x", "kind": "mystery"}, 422),
        ({"key": "x", "kind": "inactivity", "refresh_every": "PT1S"}, 422),
        ({"key": "x y", "kind": "inactivity"}, 422),
    ):
        assert client.post("/v1/segments", json=body).status_code == status
    assert client.patch("/v1/segments/tier", json={"kind": "rule"}).status_code == 422
    assert client.patch("/v1/segments/tier", json={"refresh_every": None}).json()["refresh_every"] is None
    assert DAY > 0
