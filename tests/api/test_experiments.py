"""Define, change, clone, steer and adjust, as the contract says."""

from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def defined(client, campaign):
    answer = client.post("/v1/experiments", json=campaign)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def running(client, defined):
    assert client.post(f"/v1/experiments/{defined['key']}/start").status_code == 200
    return defined["key"]


def test_the_contracts_example_is_defined_and_shown(client, campaign, defined):
    assert defined["status"] == "draft"
    assert defined["version"] == 1
    assert defined["layer"] == {"key": "email", "share": 0.5, "offset": 0.0}
    assert {"pointer": "/layer/offset", "detail": "was left out; this experiment was given 0"} in defined["warnings"]
    shown = client.get("/v1/experiments/spring-winback")
    assert shown.headers["etag"] == '"1"'
    assert shown.json()["arms"][1]["attributes"] == {"send_hour": 18}
    assert shown.json()["attribution_window"] == "P7D"


def test_the_salt_never_leaves(client, campaign):
    salt = "ab" * 32
    campaign["salt"] = salt
    assert salt not in client.post("/v1/experiments", json=campaign).text
    assert salt not in client.get("/v1/experiments/spring-winback").text
    assert salt not in client.get("/v1/audit").text
    assert salt not in client.get("/v1/experiments/spring-winback/revisions").text


def test_a_taken_key_is_a_conflict(client, campaign, defined):
    assert client.post("/v1/experiments", json=campaign).status_code == 409


def test_every_fault_at_once_and_nothing_written(client, campaign):
    campaign["arms"][1] |= {"reward_cost": -1, "eligible": {"nope": 1}, "cost_on": "moonrise"}
    campaign["variants"][0] |= {"share": 0.9}
    campaign["variants"][1]["policy"]["params"]["arm"] = "gone"
    campaign |= {"time_zone": "Mars/Olympus", "learning_window": "P8D", "budget": {"total": 5}, "colour": "red"}
    answer = client.post("/v1/experiments", json=campaign)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        "/arms/1/reward_cost",
        "/arms/1/eligible",
        "/arms/1/cost_on",
        "/variants",
        "/variants/1/policy/params/arm",
        "/time_zone",
        "/learning_window",
        "/budget/amount",
        "/budget/total",
        "/colour",
    }
    assert client.get("/v1/experiments").json()["items"] == []


def test_validating_stores_nothing(client, campaign):
    answer = client.post("/v1/experiments?validate_only=true", json=campaign)
    assert answer.status_code == 200
    assert answer.json()["valid"] is True
    assert answer.json()["definition"]["layer"]["offset"] == 0.0
    assert answer.json()["definition"]["arms"][0]["cost_on"] == "decision"
    assert client.get("/v1/experiments/spring-winback").status_code == 404
    campaign["variants"][0]["share"] = 0.1
    refused = client.post("/v1/experiments?validate_only=true", json=campaign)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/variants"


def test_validating_finds_what_others_have(client, campaign, defined):
    campaign["layer"]["share"] = 0.6
    pointers = {f["pointer"] for f in client.post("/v1/experiments?validate_only=true", json=campaign).json()["errors"]}
    assert pointers & {"/key", "/layer/share"}


@pytest.mark.parametrize(
    ("verbs", "status"),
    [
        (["start"], "running"),
        (["start", "pause"], "paused"),
        (["start", "pause", "resume"], "running"),
        (["start", "stop"], "stopped"),
        (["start", "pause", "stop", "archive"], "archived"),
        (["archive"], "archived"),
    ],
)
def test_the_life_of_an_experiment(client, defined, verbs, status):
    for verb in verbs:
        answer = client.post(f"/v1/experiments/{defined['key']}/{verb}")
        assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    "verbs",
    [["pause"], ["resume"], ["stop"], ["start", "start"], ["start", "archive"], ["start", "stop", "resume"]],
)
def test_illegal_transitions_are_conflicts(client, defined, verbs):
    *legal, illegal = verbs
    for verb in legal:
        client.post(f"/v1/experiments/{defined['key']}/{verb}")
    before = client.get(f"/v1/experiments/{defined['key']}").json()
    answer = client.post(f"/v1/experiments/{defined['key']}/{illegal}")
    assert answer.status_code == 409
    assert "it can" in answer.json()["detail"]
    assert client.get(f"/v1/experiments/{defined['key']}").json() == before


def test_what_changes_chances_opens_a_revision(client, running):
    shares = client.get(f"/v1/experiments/{running}").json()["variants"]
    shares[0]["share"], shares[1]["share"] = 0.7, 0.3
    changed = client.patch(f"/v1/experiments/{running}", json={"variants": shares})
    assert changed.status_code == 200
    assert changed.json()["revision"] == 2
    revisions = client.get(f"/v1/experiments/{running}/revisions").json()["items"]
    assert [each["number"] for each in revisions] == [1, 2]
    assert [each["definition"]["variants"][0]["share"] for each in revisions] == [0.8, 0.7]


def test_what_changes_nothing_opens_none(client, running):
    changed = client.patch(f"/v1/experiments/{running}", json={"name": "Spring", "ends_at": "2099-01-01T00:00:00Z"})
    assert changed.status_code == 200
    assert (changed.json()["revision"], changed.json()["version"]) == (1, 3)
    assert client.patch(f"/v1/experiments/{running}", json={"name": "Spring"}).json()["version"] == 3


def test_the_rest_waits_for_a_pause(client, running):
    wish = {"eligible": {">=": [{"var": "days_inactive"}, 60]}, "currency": "USD", "name": "still refused as a whole"}
    refused = client.patch(f"/v1/experiments/{running}", json=wish)
    assert refused.status_code == 409
    assert "currency, eligible" in refused.json()["detail"]
    assert client.get(f"/v1/experiments/{running}").json()["name"] == "Spring win-back"
    client.post(f"/v1/experiments/{running}/pause")
    assert client.patch(f"/v1/experiments/{running}", json=wish).json()["revision"] == 2


@pytest.mark.parametrize("change", [{"key": "other"}, {"clock": "caller"}, {"salt": "cd" * 32}])
def test_what_an_experiment_is_never_changes(client, running, change):
    client.post(f"/v1/experiments/{running}/pause")
    assert client.patch(f"/v1/experiments/{running}", json=change).status_code == 409


def test_a_draft_changes_freely_and_a_stopped_one_keeps_but_its_name(client, defined):
    key = defined["key"]
    assert client.patch(f"/v1/experiments/{key}", json={"clock": "caller", "currency": "USD"}).json()["revision"] == 1
    client.post(f"/v1/experiments/{key}/start")
    client.post(f"/v1/experiments/{key}/stop")
    assert client.patch(f"/v1/experiments/{key}", json={"grace": "PT2H"}).status_code == 409
    assert client.patch(f"/v1/experiments/{key}", json={"name": "Done"}).status_code == 200
    client.post(f"/v1/experiments/{key}/archive")
    assert client.patch(f"/v1/experiments/{key}", json={"name": "Gone"}).status_code == 409


def test_a_change_names_the_version_it_was_meant_for(client, defined):
    url = f"/v1/experiments/{defined['key']}"
    assert client.patch(url, json={"name": "A"}, headers={"If-Match": '"1"'}).headers["etag"] == '"2"'
    stale = client.patch(url, json={"name": "B"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert client.get(url).json()["name"] == "A"
    assert client.patch(url, json={"name": "B"}, headers={"If-Match": "*"}).status_code == 200
    assert client.patch(url, json={"name": "C"}, headers={"If-Match": "yesterday"}).status_code == 422


def test_a_bad_change_is_refused_as_a_whole(client, running):
    answer = client.patch(f"/v1/experiments/{running}", json={"name": "x", "objective": {"maximise": "fame"}})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/objective/maximise"]


def test_a_clone_is_a_draft_of_its_own(client, running):
    clone = client.post(f"/v1/experiments/{running}/clone", json={"key": "summer", "name": "Summer"})
    assert clone.status_code == 201
    assert (clone.json()["status"], clone.json()["revision"], clone.json()["name"]) == ("draft", 1, "Summer")
    assert clone.json()["layer"]["offset"] == 0.5
    assert client.post(f"/v1/experiments/{running}/clone", json={"key": "third"}).status_code == 422
    assert client.post(f"/v1/experiments/{running}/clone", json={"name": "no key"}).status_code == 422
    assert client.post(f"/v1/experiments/{running}/clone", json={"key": "summer"}).status_code in {409, 422}


def test_experiments_of_a_layer_do_not_overlap(client, campaign, defined):
    campaign |= {"key": "second", "layer": {"key": "email", "share": 0.5, "offset": 0.25}}
    answer = client.post("/v1/experiments", json=campaign)
    assert answer.status_code == 422
    assert "spring-winback" in answer.json()["errors"][0]["detail"]
    campaign["layer"] = {"key": "push", "share": 0.5, "offset": 0.25}
    assert client.post("/v1/experiments", json=campaign).status_code == 201


def test_a_stopped_experiment_gives_its_place_back(client, campaign, running):
    client.post(f"/v1/experiments/{running}/stop")
    campaign |= {"key": "second", "layer": {"key": "email", "share": 1.0}}
    assert client.post("/v1/experiments", json=campaign).json()["layer"]["offset"] == 0.0


def test_an_adjustment_holds_until_it_is_undone(client, running):
    url = f"/v1/experiments/{running}/arms/bogo-5"
    adjusted = client.patch(url, json={"weight": 0.3, "cost": 4, "reason": "stock is low"})
    assert adjusted.status_code == 200
    assert {(a["arm"], a.get("weight"), a.get("cost")) for a in adjusted.json()["adjustments"]} == {
        ("bogo-5", 0.3, None),
        ("bogo-5", None, 4.0),
    }
    assert adjusted.json()["version"] == 3
    again = client.patch(url, json={"weight": 0.4, "reason": "a little more"}).json()["adjustments"]
    assert sorted(a["weight"] for a in again if "weight" in a) == [0.4]
    undone = client.patch(url, json={"weight": None, "cost": None, "reason": "stock is back"})
    assert undone.json()["adjustments"] == []
    assert undone.json()["revision"] == 1


def test_an_adjustment_expires(client, running):
    url = f"/v1/experiments/{running}/arms/bogo-5"
    wish = {"enabled": False, "reason": "holiday", "expires_at": "2099-01-01T00:00:00Z"}
    assert client.patch(url, json=wish).json()["adjustments"][0]["expires_at"] == "2099-01-01T00:00:00Z"
    assert client.patch(url, json={**wish, "expires_at": "2001-01-01T00:00:00Z"}).status_code == 422


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"enabled": False}, "/reason"),
        ({"reason": "nothing else"}, ""),
        ({"weight": 1.5, "reason": "r"}, "/weight"),
        ({"cost": -1, "reason": "r"}, "/cost"),
        ({"enabled": "no", "reason": "r"}, "/enabled"),
        ({"wait": 3, "reason": "r"}, "/wait"),
    ],
)
def test_a_bad_adjustment_is_refused(client, running, wish, pointer):
    answer = client.patch(f"/v1/experiments/{running}/arms/bogo-5", json=wish)
    assert answer.status_code == 422
    assert pointer in {fault["pointer"] for fault in answer.json()["errors"]}


def test_adjusting_what_is_not_there(client, running):
    assert client.patch(f"/v1/experiments/{running}/arms/x", json={"enabled": True, "reason": "r"}).status_code == 404
    assert client.patch("/v1/experiments/x/arms/x", json={"enabled": True, "reason": "r"}).status_code == 404
    client.post(f"/v1/experiments/{running}/stop")
    over = client.patch(f"/v1/experiments/{running}/arms/bogo-5", json={"enabled": True, "reason": "r"})
    assert over.status_code == 409


def test_weights_of_several_arms_leave_room(client, running):
    url = f"/v1/experiments/{running}/arms"
    assert client.patch(f"{url}/bogo-5", json={"weight": 0.7, "reason": "r"}).status_code == 200
    assert client.patch(f"{url}/nothing", json={"weight": 0.4, "reason": "r"}).status_code == 422
    assert client.patch(f"{url}/nothing", json={"weight": 0.2, "reason": "r"}).status_code == 200


def test_lists_are_paged(client, campaign):
    del campaign["layer"]
    for number in range(5):
        campaign["key"] = f"e{number}"
        assert client.post("/v1/experiments", json=campaign).status_code == 201
    client.post("/v1/experiments/e3/start")
    first = client.get("/v1/experiments?limit=2").json()
    second = client.get("/v1/experiments", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    third = client.get("/v1/experiments", params={"limit": 2, "cursor": second["next_cursor"]}).json()
    keys = [head["key"] for each in (first, second, third) for head in each["items"]]
    assert keys == ["e4", "e3", "e2", "e1", "e0"]
    assert third["next_cursor"] is None
    assert [head["key"] for head in client.get("/v1/experiments?status=running").json()["items"]] == ["e3"]
    assert client.get("/v1/experiments?cursor=@@").status_code == 422
    assert client.get("/v1/experiments?status=asleep").status_code == 422
    assert client.get("/v1/experiments?limit=0").status_code == 422


def test_of_many_who_define_the_same_at_once_one_wins(service, campaign):
    del campaign["layer"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.client.post("/v1/experiments", json=campaign), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(service.client.get("/v1/experiments").json()["items"]) == 1


def test_of_many_who_join_a_layer_at_once_none_overlap(service, campaign):
    def join(number):
        body = {**campaign, "key": f"e{number}", "layer": {"key": "email", "share": 0.2}}
        return service.client.post("/v1/experiments", json=body)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(join, range(8)))
    places = sorted(a.json()["layer"]["offset"] for a in answers if a.status_code == 201)
    assert places == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    assert [a.status_code for a in answers].count(422) == 3
    assert service.client.get("/v1/audit/verification").json()["broken_at"] is None
