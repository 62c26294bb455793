"""What was looked up before an erasure and would be committed after it: decisions, and whatever else names people."""

import threading
from importlib import import_module

import pytest
from sqlalchemy import text

from experiments.model.principal import SYSTEM
from experiments.services import delivering_fallbacks
from experiments.services.deciding.messages import Assignment
from experiments.services.erasing import erase_unit
from experiments.services.hot_path import HotPath
from experiments.store.engine import reading
from tests.experiments.batches.base import campaign, decided


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
    "experiments.services.limiting.refused_units": SUPPRESSION,
    "experiments.services.delivering_fallbacks._erased": ("post", "/v1/exposures/fallback", {"exposures": [SHOWN]}),
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
