"""Law 2 over HTTP: a page at a time, every decision once."""

from typing import Any

DEFINITION = {
    "key": "proved",
    "arms": [{"key": "a"}, {"key": "b"}],
    "variants": [{"key": "all", "share": 1, "policy": {"name": "squarecb"}}],
}


def test_pages_hold_every_decision_once(client: Any) -> None:
    assert client.post("/v1/experiments", json=DEFINITION).status_code == 201
    client.post("/v1/experiments/proved/start")
    rows = [{"unit_id": f"u{number}", "context": {"age": number}} for number in range(7)]
    client.post("/v1/experiments/proved/assignments/batch", json={"assignments": rows})
    pages, cursor = [], None
    while True:
        parameters = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        pages.append(client.get("/v1/experiments/proved/verification", params=parameters).json())
        cursor = pages[-1]["next_cursor"]
        if cursor is None:
            break
    assert [page["checked"] for page in pages] == [3, 3, 1]
    assert all(page["different"] == 0 and page["examples"] == [] for page in pages)


def test_what_cannot_be_verified_is_said(client: Any) -> None:
    assert client.get("/v1/experiments/nowhere/verification").status_code == 404
    assert client.get("/v1/experiments/nowhere/verification", params={"cursor": "tomorrow"}).status_code == 422
    assert client.get("/v1/experiments/nowhere/verification", params={"limit": 0}).status_code == 422
