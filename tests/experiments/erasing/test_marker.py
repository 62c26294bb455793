"""A person who was erased is in no column of any table and in no file, and comes back by no door."""

import json

import pytest
from sqlalchemy import text

from experiments.ingestion.envelope import open_envelope
from experiments.ingestion.profiles import ProfileTaker
from experiments.model.access.principal import SYSTEM
from experiments.model.erasing import unit_hash
from experiments.model.tables import SQLModel
from experiments.services.refreshing_features import compact_history, refresh_features
from experiments.services.segmenting.membership import set_members
from experiments.store.core.engine import reading, transaction
from experiments.store.units import erasure_journal
from experiments.store.units.erasures import erasure_key
from experiments.store.units.forgetting import STORES
from tests.experiments.batches.base import run
from tests.experiments.erasing.base import (
    ASK,
    EXPOSURE,
    MARK,
    WORD,
    ask_for,
    everywhere,
    found,
    load,
    outcome,
    report,
    track,
)

NOBODY = {
    "aa_runs": "sums",
    "adjustments": "of arms, by staff",
    "alerts": "about experiments",
    "api_keys": "of systems",
    "arm_cells": "sums",
    "arm_eras": "sums",
    "audit_entries": "what staff did; units are counted in it, never named",
    "catalogue_arms": "arms",
    "daily_progress": "a day",
    "destinations": "of systems",
    "early_rounds": "numbers of decisions",
    "eligible_sets": "arms",
    "erasures": "keyed hashes",
    "experiments": "definitions",
    "guardrail_trips": "sums",
    "guess_marks": "hashes of staff's names and addresses, for days",
    "history_parts": "names of files; what these hold is hidden, then written anew",
    "imports": "names of sources and columns",
    "join_cursors": "instants",
    "learners": "numbers",
    "limit_leases": "amounts",
    "limit_totals": "amounts",
    "logged_rounds": "numbers of decisions",
    "maturity_slots": "counts",
    "outbox_messages": "changes of experiments, until they are published",
    "pacings": "prices",
    "plans": "sizes",
    "portfolio_cursors": "numbers",
    "portfolio_sums": "sums",
    "refresh_marks": "numbers",
    "replays": "sums",
    "revisions": "definitions",
    "rollup_daily": "sums",
    "rollup_hour_totals": "sums",
    "rollup_hourly": "sums",
    "rollup_metrics": "metrics",
    "rollup_totals": "sums",
    "rollup_variants": "sums",
    "security_events": "keys and logins of staff, for 30 days",
    "segment_refreshes": "sizes of values",
    "segments": "definitions",
    "service_settings": "settings",
    "sign_ins": "staff",
    "snapshots": "learned sums",
    "stream_cursors": "numbers",
    "trust_sums": "sums",
    "users": "staff",
    "worker_leases": "processes",
}
"""Tables that hold no people, and what they hold. A new table is named here or in STORES."""


@pytest.fixture
def filled(service, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.store.units.compaction._GRACE", -1.0)  # nobody is reading the files of before
    return everywhere(service, tmp_path)


def _erase(service):
    assert service.client.delete(f"/v1/units/{MARK}").status_code == 204


def _places(service):
    return found(service.engine, service.settings.history_path)


def _in_tables(places):
    return {place for place in places if place.partition(".")[0] in SQLModel.metadata.tables}


def test_every_table_holds_nobody_or_forgets():
    assert set(SQLModel.metadata.tables) == {*STORES, *NOBODY}
    assert not STORES.keys() & NOBODY.keys()


def test_nothing_of_an_erased_person_stays(service, filled):
    assert {place.partition(".")[0] for place in _in_tables(_places(service))} == set(STORES), "to begin with"
    _erase(service)
    assert _in_tables(_places(service)) == set()
    for number in (filled["asked"], filled["queued"], filled["over_all"]):
        rows = run(service.settings, service.engine, number)
        assert MARK not in json.dumps(rows, default=str)
    assert _in_tables(_places(service)) == set()
    compact_history(service.engine, service.settings.history_path)
    assert _places(service) == {}
    assert "ben" in json.dumps(service.client.get("/v1/units/ben").json())


def test_an_erased_person_comes_back_by_no_door(service, filled, tmp_path):
    client, engine, folder = service.client, service.engine, service.settings.history_path
    _erase(service)
    # What comes again is known still, without a name; what is new of the person is not taken.
    assert report(client, *filled["events"]) == ["duplicate", "duplicate"]
    new = [outcome("n2", decision_id=filled["decision"]), outcome("u2", unit_id=MARK)]
    assert report(client, *new, new[1]) == ["erased", "erased", "duplicate"]
    answer = client.post("/v1/experiments/win/assignments", json=ASK).json()
    assert (answer["assigned"], answer["reason"]) == (False, "erased")
    exposures = [EXPOSURE, EXPOSURE | {"exposure_id": f"y-{WORD}"}]
    again = client.post("/v1/exposures/fallback", json={"exposures": exposures}).json()["results"]
    assert [each["class"] for each in again] == ["duplicate", "erased"]
    client.put("/v1/suppressions", json={"units": [MARK], "reason": WORD})
    track(client, "m2")
    set_members(engine, SYSTEM, "vip", {MARK: "member"})
    listed = client.post("/v1/units/batch", json={"units": [{"unit_id": MARK, "profile": {"note": WORD}}]})
    assert listed.json() == {"stored": 0, "erased": 1}
    load(service, tmp_path, "payments", "unit_id,occurred_at,amount", f"{MARK},2026-03-01,5")
    load(service, tmp_path, "units", "unit_id,note", f"{MARK},{WORD}")
    load(service, tmp_path, "outcomes", "unit_id,event_id,kind,occurred_at", f"{MARK},o-{MARK},session,2026-03-01")
    change = {"unit_id": MARK, "profile": {"note": WORD}}
    body = json.dumps({"specversion": "1.0", "type": "winback.profile.v1", "id": "1", "source": "crm", "data": change})
    assert ProfileTaker(engine).take([open_envelope(body.encode(), "profile")]) == []
    asked = ask_for(client, filled["rows"])
    for number in (filled["asked"], filled["queued"], filled["over_all"], asked):
        run(service.settings, engine, number)
    refresh_features(engine, SYSTEM, folder, everyone=True)
    compact_history(engine, folder)
    assert _places(service) == {}
    assert client.get(f"/v1/units/{MARK}").status_code == 404


def test_who_has_the_id_after_a_profile_is_put_is_somebody_new(service, filled):
    client, engine = service.client, service.engine
    _erase(service)
    assert client.put(f"/v1/units/{MARK}", json={"profile": {"orders": 4}}).status_code == 204
    answer = client.post("/v1/experiments/win/assignments", json={"unit_id": MARK}).json()
    assert (answer["assigned"], answer["reason"]) == (True, "new")
    # What happened before stays the erased person's.
    assert report(client, filled["events"][1], outcome("old", unit_id=MARK)) == ["duplicate", "erased"]
    _erase(service)
    with reading(engine) as session:
        names = session.connection().execute(text("SELECT DISTINCT unit_id FROM decisions ORDER BY 1")).scalars().all()
    first, second = (name for name in names if name.startswith("erased-"))
    assert second == f"{first}-2"


def test_the_list_of_the_erased_names_nobody_and_is_kept_beside_the_database(service, filled):
    _erase(service)
    with transaction(service.engine) as session:
        key = erasure_key(session.connection())
    lines = erasure_journal.read(service.settings.history_path)
    assert list(lines) == [unit_hash(key, MARK)]
    text_of = (service.settings.history_path / erasure_journal.NAME).read_text()
    assert MARK not in text_of
