"""What was looked up before an erasure and would be committed after it: decisions, and whatever else names people."""

import os
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import text

from experiments.ingestion import importing_sinks
from experiments.model.access.principal import SYSTEM
from experiments.services import refreshing_features
from experiments.services.deciding.messages import Assignment
from experiments.services.delivering import fallbacks as delivering_fallbacks
from experiments.services.erasing import erase_unit
from experiments.services.hot_path import HotPath
from experiments.services.refreshing_features import compact_history, refresh_features
from experiments.store.core.engine import reading
from tests.experiments.batches.base import campaign, decided
from tests.experiments.erasing.base import MARK, SEGMENT, found, load, outcome, report


@pytest.mark.parametrize("limits", [{}, {"caps": {"contacts": [{"max": 5, "within": "P7D", "scope": "service"}]}}])
def test_a_decision_under_way_does_not_bring_a_person_back(client, settings, engine, limits):
    campaign(client, **limits)
    for unit in ("ana", "ben"):
        client.put(f"/v1/units/{unit}", json={"profile": {"orders": 3}})

    async def race():
        hot = HotPath(settings, engine)
        await hot.start()
        log = hot.decider._passing._log
        append, calls = log.append, []

        async def after_an_erasure(*arguments):
            if not calls:
                erase_unit(engine, SYSTEM, "ana")
            calls.append(arguments)
            return await append(*arguments)

        log.append = after_an_erasure
        try:
            requests = [Assignment("ana"), Assignment("ben")]
            return await hot.decider.decide_many(SYSTEM, "win", requests), len(calls)
        finally:
            await hot.close()

    (ana, ben), passes = client.portal.call(race)
    assert (ana.assigned, ana.reason) == (False, "erased")
    assert (ben.assigned, ben.reason, passes) == (True, "new", 2)
    assert [row[0] for row in decided(engine)] == ["ben"]


PROFILE = ("post", "/v1/units/batch", {"units": [{"unit_id": "ana", "profile": {"orders": 4}}]})
SUPPRESSION = ("put", "/v1/suppressions", {"units": ["ana"], "reason": "asked"})
SHOWN = {"exposure_id": "x1", "experiment": "win", "unit_id": "ana", "arm": "b", "at": "2026-01-02T00:00:00Z"}
DOORS = {
    "experiments.services.profiling.refused_units": PROFILE,
    "experiments.services.limits.suppressing.refused_units": SUPPRESSION,
    "experiments.services.delivering.fallbacks._erased": ("post", "/v1/exposures/fallback", {"exposures": [SHOWN]}),
}


@pytest.mark.parametrize("look", DOORS)
def test_a_write_under_way_does_not_bring_a_person_back(client, engine, monkeypatch, look):
    """It is erased just after the door looked whether it is, and long before the door commits."""
    campaign(client)
    client.put("/v1/units/ana", json={"profile": {"orders": 3}})
    method, path, body = DOORS[look]
    erasing = threading.Thread(target=erase_unit, args=(engine, SYSTEM, "ana"))
    module, _, name = look.rpartition(".")
    looked, looks = getattr(import_module(module), name), []

    def and_is_slow(*given):
        found = looked(*given)
        looks.append(given)
        if len(looks) == (2 if look.endswith("_erased") else 1):
            erasing.start()
            erasing.join(0.5)
        return found

    monkeypatch.setattr(look, and_is_slow)
    assert getattr(client, method)(path, json=body).status_code == 200
    erasing.join()
    with reading(engine) as session:
        for table in ("units", "suppressions", "fallback_exposures"):
            units = session.connection().execute(text(f"SELECT unit_id FROM {table}")).scalars()
            assert "ana" not in list(units), table


def _told(client, method, path, body):
    answer = getattr(client, method)(path, json=body)
    return answer.status_code, (answer.json() if answer.content else None)


def test_no_door_calls_what_is_not_kept_of_an_erased_person_a_success(client, engine):
    campaign(client)
    client.post("/v1/segments", json=SEGMENT)
    for unit in ("ana", "ben"):
        client.put(f"/v1/units/{unit}", json={"profile": {"orders": 3}})
    assert client.delete("/v1/units/ana").status_code == 204
    status, told = _told(client, "put", "/v1/suppressions/ana", {"reason": "asked"})
    assert (status, "begins a new person" in told["detail"]) == (409, True)
    both = {"units": ["ana", "ben", "ben"], "reason": "asked"}
    assert _told(client, "put", "/v1/suppressions", both) == (200, {"suppressed": 1, "erased": 1})
    members = {"members": [{"unit_id": "ana"}, {"unit_id": "ben"}]}
    assert _told(client, "put", "/v1/segments/vip/members", members) == (200, {"changed": 1, "erased": 1})
    assert _told(client, "put", "/v1/segments/vip/members", members) == (200, {"changed": 0, "erased": 1})
    profiles = {"units": [{"unit_id": unit, "profile": {"orders": 4}} for unit in ("ana", "ben")]}
    assert _told(client, "post", "/v1/units/batch", profiles) == (200, {"stored": 1, "erased": 1})
    _, told = _told(client, "post", "/v1/exposures/fallback", {"exposures": [SHOWN]})
    assert told["results"][0]["class"] == "erased"
    assert report(client, outcome("x", unit_id="ana")) == ["erased"]
    for table in ("units", "suppressions", "segment_members"):
        with reading(engine) as session:
            assert "ana" not in session.connection().execute(text(f"SELECT unit_id FROM {table}")).scalars().all()
    client.put("/v1/units/ana", json={"profile": {}})
    assert client.put("/v1/suppressions/ana", json={"reason": "asked"}).status_code == 204, "a new person"


def test_events_that_were_looked_up_before_an_erasure_are_hidden_after_it(service, tmp_path, monkeypatch):
    """The part is written, and kept only when the person was erased."""
    campaign(service.client)
    service.client.put(f"/v1/units/{MARK}", json={"profile": {"orders": 3}})
    put_events = importing_sinks.put_events

    def then_erased(*given):
        path = put_events(*given)
        erase_unit(service.engine, SYSTEM, MARK)
        return path

    monkeypatch.setattr(importing_sinks, "put_events", then_erased)
    load(service, tmp_path, "payments", "unit_id,occurred_at,amount", f"{MARK},2026-01-01,5", "ben,2026-01-01,4")
    folder = service.settings.history_path
    refresh_features(service.engine, SYSTEM, folder)
    with reading(service.engine) as session:
        assert session.connection().execute(text("SELECT unit_id FROM units")).scalars().all() == ["ben"]
    monkeypatch.setattr("experiments.store.units.compaction._GRACE", -1.0)
    compact_history(service.engine, folder)
    assert found(service.engine, folder) == {}


def test_facts_that_were_read_before_an_erasure_are_not_kept_after_it(service, tmp_path, monkeypatch):
    campaign(service.client)
    service.client.put(f"/v1/units/{MARK}", json={"profile": {"orders": 3}})
    load(service, tmp_path, "payments", "unit_id,occurred_at,amount", f"{MARK},2026-01-01,5")
    erasing = threading.Thread(target=erase_unit, args=(service.engine, SYSTEM, MARK))
    looked = refreshing_features._still_there

    def and_is_slow(*given):
        rows = looked(*given)
        erasing.start()
        erasing.join(0.5)
        return rows

    monkeypatch.setattr(refreshing_features, "_still_there", and_is_slow)
    refresh_features(service.engine, SYSTEM, service.settings.history_path)
    erasing.join()
    with reading(service.engine) as session:
        assert session.connection().execute(text("SELECT unit_id FROM units")).scalars().all() == []


def test_an_import_in_another_process_brings_nobody_back(service, tmp_path):
    """People are erased one by one while a real process imports their profiles again and again."""
    people = [f"p{number:04d}" for number in range(60)]
    path = tmp_path / "people.csv"
    path.write_text("unit_id,orders\n" + "".join(f"{unit},1\n" for unit in people * 40))
    for unit in people:
        service.client.put(f"/v1/units/{unit}", json={"profile": {"orders": 1}})
    told = {
        "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
        "WINBACK_DATABASE_URL": service.settings.database_url,
        "WINBACK_DATA_DIR": str(service.settings.history_path),
    }
    command = [sys.executable, "-m", "cli", "import", "units", str(path)]
    process = subprocess.Popen(command, env={**os.environ, **told}, stdout=subprocess.DEVNULL)
    erased = []
    try:
        while process.poll() is None and len(erased) < len(people):
            if _is_importing(service.engine):
                erase_unit(service.engine, SYSTEM, people[len(erased)])
                erased.append(people[len(erased)])
            time.sleep(0.005)
        assert process.wait(90) == 0
    finally:
        process.kill()
        process.wait()
    assert erased, "the import was over before anybody was erased"
    with reading(service.engine) as session:
        there = set(session.connection().execute(text("SELECT unit_id FROM units")).scalars())
    assert there == set(people) - set(erased)


def _is_importing(engine):
    with reading(engine) as session:
        return session.connection().execute(text("SELECT count(*) FROM imports")).scalar() > 0


def test_an_exposure_that_was_looked_up_before_is_not_kept_after(client, engine, monkeypatch):
    """It is erased between the two looks."""
    campaign(client)
    client.put("/v1/units/ana", json={"profile": {"orders": 3}})
    void = delivering_fallbacks._void

    def after_an_erasure(*given):
        erase_unit(engine, SYSTEM, "ana")
        return void(*given)

    monkeypatch.setattr(delivering_fallbacks, "_void", after_an_erasure)
    answer = client.post("/v1/exposures/fallback", json={"exposures": [SHOWN]}).json()
    assert answer["results"][0]["class"] == "erased"
    with reading(engine) as session:
        assert not session.connection().execute(text("SELECT 1 FROM fallback_exposures")).all()
