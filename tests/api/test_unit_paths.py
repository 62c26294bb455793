"""Ids in paths are taken to the last character: nobody stands in for somebody else."""

from urllib.parse import quote

import pytest

HOSTILE = ["annab\n", "new\nline", "\nannab", "annab\r\n", "a/b\n", " annab", "annab ", "annab%0A"]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_unit_is_itself_and_nobody_else(client, unit):
    path, other = f"/v1/units/{quote(unit, safe='')}", "/v1/units/annab"
    for where, who in ((other, "without"), (path, "with")):
        assert client.put(where, json={"profile": {"who": who}}).status_code == 204
    assert client.get(path).json()["unit_id"] == unit
    assert client.get(other).json()["profile"] == {"who": "without"}
    assert client.delete(path).status_code == 204
    assert client.get(other).json()["profile"] == {"who": "without"}
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_suppression_is_of_one_person(client, unit):
    path = f"/v1/suppressions/{quote(unit, safe='')}"
    assert client.put("/v1/suppressions", json={"units": ["annab", unit], "reason": "asked"}).status_code == 200
    assert client.get(path).json()["unit_id"] == unit
    assert client.delete(path).status_code == 204
    assert client.get("/v1/suppressions/annab").status_code == 200
    assert client.put(path, json={"reason": "again"}).status_code == 204
    assert client.get(path).json()["reason"] == "again"
