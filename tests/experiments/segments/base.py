"""Units of known ages, and segments by HTTP."""

AGES = {"fresh": 2.0, "edge": 30.0, "cold": 45.0, "colder": 75.0, "lost": 400.0}


def everybody(client, key):
    found, cursor = [], None
    while True:
        query = "limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = client.get(f"/v1/segments/{key}/members?{query}").json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return {item["unit_id"]: item["value"] for item in found}


def define(client, key, kind, params=None, **more):
    answer = client.post("/v1/segments", json={"key": key, "kind": kind, "params": params or {}, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()
