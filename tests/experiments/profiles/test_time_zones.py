"""A profile's time zone is one that there is, at every door: quiet hours go by it."""

from zoneinfo import available_timezones

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.broker_place import enveloped
from experiments.connectors import Source
from experiments.ingestion.envelope import open_envelope
from experiments.ingestion.importing import Importer, Order
from experiments.ingestion.profiles import ProfileTaker
from experiments.model.access.principal import SYSTEM
from experiments.model.units import profile_faults
from experiments.model.zones import nearest_zone, zone_fault
from tests.examples import few

ZONES = sorted(available_timezones())
MEANT = "did you mean Europe/Berlin?"


@few(50)
@given(st.sampled_from(ZONES), st.data())
def test_what_is_no_zone_is_told_with_the_nearest(zone, data):
    assert zone_fault(zone) is None and not profile_faults({"time_zone": zone}, "")
    assert nearest_zone(zone.lower()) == zone or zone.lower() in {each.lower() for each in ZONES if each != zone}
    place = data.draw(st.integers(0, len(zone)))
    wrong = zone[:place] + "!" + zone[place:]
    (fault,) = profile_faults({"time_zone": wrong}, "/profile")
    assert fault.pointer == "/profile/time_zone" and ("did you mean" in fault.detail or "e.g." in fault.detail)


@pytest.mark.parametrize("written", ["europe/berlin", "Berlin", "Europe/Berln", "EuropeBerlin", " Europe/Berlin"])
def test_the_nearest_zone(written):
    assert nearest_zone(written) == "Europe/Berlin"


@pytest.mark.parametrize("written", ["GMT+2", "Mars", "", "x" * 500, "../../etc/passwd", "a\0b", 60, True])
def test_what_resembles_none_gets_an_example(written):
    assert zone_fault(written).endswith("write e.g. Europe/Berlin")


def test_every_http_door_refuses_it_and_stores_nothing(client):
    wrong = {"orders": 1, "time_zone": "Europe/Berln"}
    rows = {"units": [{"unit_id": "a", "profile": {"x": 1}}, {"unit_id": "u", "profile": wrong}]}
    single = client.put("/v1/units/u", json={"profile": wrong})
    for answer in (single, client.post("/v1/units/batch", json=rows)):
        assert answer.status_code == 422 and MEANT in answer.text and "profile/time_zone" in answer.text
    call = {"userId": "u", "traits": wrong}
    identified = client.post("/v1/identify", json=call)
    assert identified.status_code == 400 and "/traits/time_zone" in identified.text and MEANT in identified.text
    assert client.post("/v1/batch", json={"batch": [{**call, "type": "identify"}]}).status_code == 200
    assert 'winback_outcomes_total{class="rejected"}' in client.get("/metrics").text
    assert {client.get(f"/v1/units/{unit}").status_code for unit in "au"} == {404}
    right = {"userId": "u", "traits": {"time_zone": "Europe/Berlin"}}
    assert client.post("/v1/identify", json=right).status_code == 200
    taken_out = {"units": [{"unit_id": "u", "profile": {"time_zone": None}}], "merge": True}
    assert client.post("/v1/units/batch", json=taken_out).json() == {"stored": 1}
    assert client.get("/v1/units/u").json()["profile"] == {}


def test_an_import_rejects_the_row_alone(engine, settings, tmp_path):
    path = tmp_path / "u.csv"
    path.write_text("id,time_zone\nana,Europe/Berln\nben,Europe/Berlin\ncat,\n")
    report = Importer(engine, settings.history_path, SYSTEM).run(
        Order("units", Source(str(path)), rejects=tmp_path / "r.csv")
    )
    assert (report.accepted, report.rejected) == (2, 1) and MEANT in report.reasons[0]["reason"]


def test_the_stream_sends_it_aside(engine):
    change = enveloped({"unit_id": "u", "profile": {"time_zone": "Europe/Berln"}}, kind="profile")
    (refused,) = ProfileTaker(engine).take([open_envelope(msgspec.json.encode(change), "profile")])
    assert MEANT in str(refused)
