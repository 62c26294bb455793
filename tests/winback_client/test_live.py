"""The client against a running service, its documentation among the callers."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from experiments.model.tables.core import Decision
from experiments.model.tables.deliveries import FallbackExposure
from experiments.store.core.engine import reading
from winback_client import Assignment, Client, FallbackMemory, Options, Outcome, RefusedError, Retrying

DOCS = Path(__file__).resolve().parents[2] / "docs"
PATIENT = Options(timeout=20.0, retrying=Retrying(patience=30.0), rest=0.0)


def _definition(**changes):
    return {
        "key": "tour",
        "arms": [{"key": "gift", "payload": {"t": 1}}, {"key": "coupon"}],
        "variants": [{"key": "v", "share": 1, "policy": {"name": "uniform"}}],
    } | changes


@pytest.fixture
def running(listening):
    with httpx.Client(base_url=listening.url, headers={"Authorization": f"Bearer {listening.key}"}) as client:
        assert client.post("/v1/experiments", json=_definition()).status_code == 201
        assert client.post("/v1/experiments/tour/start").status_code == 200
        listening.__dict__["get"] = client.get
        yield listening


@pytest.mark.parametrize("page", ["client.md", "openfeature.md"])
def test_the_documented_examples_run(running, page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"URL": running.url, "KEY": running.key}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL):
        exec(compile(block, page, "exec"), names)
    if "campaign" in names:
        assert asyncio.run(names["campaign"](["ben", "cleo"])) == 2
    else:
        from openfeature import api

        assert names["arm"] in {"gift", "coupon"}
        assert names["decision_id"].startswith("d_")
        api.get_client().provider.session.close()
        api.clear_providers()
    with reading(running.engine) as session:
        assert "anna" in {row.unit_id for row in session.exec(select(Decision))}


def test_every_call_against_the_service(running, make):
    client = make(running.url, running.key, PATIENT)
    decision = client.assign("tour", "anna", {"days_inactive": 45})
    assert (decision.assigned, decision.reason, decision.fallback) == (True, "new", False)
    assert client.assign("tour", "anna").decision_id == decision.decision_id
    answers = client.assign_batch("tour", [Assignment("ben"), Assignment("x" * 600), Assignment("anna")])
    assert [getattr(each, "reason", None) for each in answers] == ["new", None, "repeat"]
    assert isinstance(answers[1], RefusedError)
    assert str(answers[1]).startswith("row 1: 422: 1 fault(s) in this row; /unit_id: ")
    outcome = Outcome("session", decision_id=decision.decision_id)
    assert [client.record([outcome, outcome])[n].outcome_class for n in (0, 1)] == ["accepted", "duplicate"]
    record = client.decision(decision.decision_id)
    assert [each["kind"] for each in record["outcomes"]] == ["session"]
    assert client.void(decision.decision_id, "undeliverable").reason == "undeliverable"
    with pytest.raises(RefusedError, match="404"):
        client.assign("none", "anna")


class LosingReplies(httpx.HTTPTransport):
    """The service hears every question, and its replies are lost for as long as `lost`."""

    lost = False

    def handle_request(self, request):
        response = super().handle_request(request)
        if self.lost:
            response.close()
            raise httpx.ReadTimeout("lost on the way", request=request)
        return response


def test_a_decision_whose_reply_was_lost_is_void_before_the_unit_is_asked_for_again(running, tmp_path):
    wire = LosingReplies()
    memory = FallbackMemory(tmp_path / "memory")
    options = Options(timeout=20.0, retrying=Retrying(base=0.001), rest=0.0, memory=memory)
    with Client(running.url, running.key, options, wire) as client:
        wire.lost = True
        shown = client.assign("tour", "anna")
        assert (shown.arm, shown.fallback) == ("nothing", True)
        wire.lost = False
        decision = client.assign("tour", "anna")
    assert (decision.reason, decision.attempt) == ("new", 1)
    with reading(running.engine) as session:
        rows = session.exec(select(Decision).order_by(Decision.attempt)).all()
        (exposure,) = session.exec(select(FallbackExposure)).all()
    assert [row.attempt for row in rows] == [0, 1], "three tries with one key made one decision"
    assert (exposure.decision_id, exposure.voided, exposure.arm) == (rows[0].id, True, "nothing")
    trust = running.get("/v1/experiments/tour/exposures").json()["fallbacks"]
    assert {name: trust[name] for name in ("exposures", "units", "unseen_decisions", "voided", "carried_over")} == {
        "exposures": 1,
        "units": 1,
        "unseen_decisions": 1,
        "voided": 1,
        "carried_over": 1,
    }
    assert trust["check"]["status"] == "warning"
