"""A cap on revenue over HTTP: proposed, shown, taken at the start, told with the revision."""

from typing import Any

import pytest

from experiments.model.designing.capping import CapProposal


def test_a_cap_is_proposed_shown_and_taken(
    client: Any, campaign: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = CapProposal(250.0, "imported payments", 12_345)
    for name in ("propose_cap", "propose_cap_at_start"):
        monkeypatch.setattr(f"api.routes.experiments.{name}", lambda *_: proposal)
    checked = client.post("/v1/experiments?validate_only=true", json=campaign).json()
    assert checked["proposed"] == {"cap_revenue": 250.0}
    made = client.post("/v1/experiments", json=campaign).json()
    for told in (checked["warnings"], made["warnings"]):
        assert any(each["pointer"] == "/cap_revenue" and "250 EUR" in each["detail"] for each in told)
    assert made["cap_revenue"] is None
    assert client.post("/v1/experiments/spring-winback/start").json()["cap_revenue"] == 250.0
    (first,) = client.get("/v1/experiments/spring-winback/revisions").json()["items"]
    assert (first["definition"]["cap_revenue"], first["cap_origin"]) == (250.0, "imported payments")


def test_without_history_the_reply_says_what_to_state(client: Any, campaign: dict[str, Any]) -> None:
    made = client.post("/v1/experiments", json=campaign).json()
    (told,) = [each for each in made["warnings"] if each["pointer"] == "/cap_revenue"]
    assert "state up to how much" in told["detail"]
    assert client.post("/v1/experiments/spring-winback/start").json()["cap_revenue"] is None
    stated = client.patch("/v1/experiments/spring-winback", json={"cap_revenue": 90}).json()
    assert (stated["cap_revenue"], stated["revision"]) == (90, 2)
