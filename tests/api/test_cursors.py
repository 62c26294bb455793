"""Every list pages by cursors that it gave itself; any other is refused, and never answered by some page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import InvalidError
from experiments.views.paging import Wanted
from tests.api.conftest import CAMPAIGN

MADE_UP = ["1", "abc", "zzz", "zzzzzzzzzzzz", "0", "", "-1", "d_0000000000000", "QQ", "tomorrow"]
LISTS = 16
"""How many there are at the least: the walk must not come to nothing."""


@given(name=st.integers(0, 2**63 - 1), places=st.tuples(st.text(max_size=20), st.text(max_size=20)), data=st.data())
def test_a_cursor_is_read_by_its_own_list_alone(name, places, data):
    here, there = (Wanted(place=place) for place in places)
    cursor = here.next_cursor(name)
    assert len(cursor) <= 20 and Wanted(cursor=cursor, place=here.place).after == name
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.sampled_from("0123456789abcdefghijklmnopqrstuvwxyz").filter(lambda each: each != cursor[at]))
    wrong = [(cursor[:at] + other + cursor[at + 1 :], here.place), (cursor[:-1], here.place)]
    for made_up, place in wrong + ([(cursor, there.place)] if here.place != there.place else []):
        with pytest.raises(InvalidError):
            _ = Wanted(cursor=made_up, place=place).after


def _lists(client):
    """The path of every route that takes a cursor, over things that there are."""
    paths = client.get("/openapi.json").json()["paths"]
    found = [
        path
        for path, methods in paths.items()
        if any(each["name"] == "cursor" for each in methods.get("get", {}).get("parameters", ()))
    ]
    keys = {"/v1/segments/{key}": "tier", "": CAMPAIGN["key"]}
    return [
        path.replace("{key}", next(key for prefix, key in keys.items() if path.startswith(prefix))) for path in found
    ]


@pytest.fixture
def lists(client):
    assert client.post("/v1/experiments", json=CAMPAIGN).status_code == 201
    segment = {"key": "tier", "name": "Tier", "kind": "external", "params": {}}
    assert client.post("/v1/segments", json=segment).status_code == 201
    return _lists(client)


def test_every_list_refuses_what_it_did_not_give(client, lists):
    assert len(lists) >= LISTS and not any("{" in path for path in lists)
    foreign = Wanted(place="/v1/elsewhere").next_cursor(5)
    for path in lists:
        assert client.get(path).status_code == 200, path
        for cursor in [*MADE_UP, foreign]:
            answer = client.get(path, params={"cursor": cursor})
            assert answer.status_code == 422 and "cursor" in answer.json()["errors"][0]["detail"], (path, cursor)
        own = Wanted(place=path).next_cursor("YQ" if path.endswith("/members") else 5)
        assert client.get(path, params={"cursor": own}).status_code == 200, path
