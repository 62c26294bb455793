"""Segments where decisions see them."""

from sqlalchemy import text

from experiments.store.core.engine import reading
from tests.experiments.segments.base import AGES, define


def _campaign(client):
    client.post(
        "/v1/experiments",
        json={
            "key": "win",
            "eligible": {"==": [{"var": "segment.tier"}, "30-60"]},
            "context": {"numeric": ["segment.rhythm.p_alive"], "categorical": ["segment.tier"]},
            "arms": [{"key": "a"}, {"key": "b"}],
            "variants": [{"key": "v", "share": 1.0, "policy": {"name": "uniform"}}],
        },
    )
    client.post("/v1/experiments/win/start")


def _ask(client, unit, **context):
    return client.post("/v1/experiments/win/assignments", json={"unit_id": unit, "context": context}).json()


def test_decisions_see_segments_without_a_profile_and_callers_win(client, remember, run_refresh):
    remember("activity", [(unit, ago, 0.0) for unit, ago in AGES.items()])
    define(client, "tier", "inactivity")
    run_refresh("tier")
    _campaign(client)
    decided = _ask(client, "cold")
    assert decided["assigned"]
    shown = client.get(f"/v1/decisions/{decided['decision_id']}").json()
    assert shown["context"]["segment.tier"] == "30-60"
    assert _ask(client, "fresh")["reason"] == "not_eligible"
    assert _ask(client, "nobody")["reason"] == "not_eligible"
    assert _ask(client, "lost", **{"segment.tier": "30-60"})["assigned"]
    # A profile that is stored later leaves the segments where they are.
    client.put("/v1/units/edge", json={"profile": {"segment.tier": "mine", "orders": 1}})
    assert _ask(client, "edge")["assigned"]


def test_a_dropped_segment_is_gone_from_decisions(client, engine, remember, run_refresh):
    remember("activity", [("cold", 45.0, 0.0)])
    define(client, "tier", "inactivity")
    define(client, "other", "external")
    client.put("/v1/segments/other/members", json={"members": [{"unit_id": "cold", "value": "x"}]})
    run_refresh("tier")
    assert client.delete("/v1/segments/tier").status_code == 204
    assert client.get("/v1/segments/tier").status_code == 404
    run_refresh("tier")
    _campaign(client)
    assert _ask(client, "cold")["reason"] == "not_eligible"
    with reading(engine) as session:
        kept = session.connection().execute(text("SELECT segments FROM units WHERE unit_id = 'cold'")).scalar_one()
        assert kept.replace(" ", "") == '{"segment.other":"x"}'
        assert session.connection().execute(text("SELECT count(*) FROM segment_members")).scalar_one() == 1
    define(client, "tier", "inactivity")
