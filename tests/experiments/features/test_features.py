"""Features of a history: one definition for one unit and for many, nothing from the future, the way to a decision."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import Phase, given
from hypothesis import strategies as st
from sqlmodel import select

from bandit.history import DAY, FEATURES, VERSION, UnitFacts, feature_columns, features_of
from experiments.connectors import Source
from experiments.ingestion.importing import Importer, Order
from experiments.model.access.principal import SYSTEM
from experiments.model.deciding.record import decode_record
from experiments.model.history import HISTORY
from experiments.model.tables.core import Decision, Unit
from experiments.model.times import now, to_rfc3339
from experiments.model.unit_features import _decode
from experiments.services.refreshing_features import compact_history, refresh_features
from experiments.store.core.engine import reading
from experiments.store.units.activity import history, open_duckdb
from experiments.store.units.facts import fact_columns, facts, facts_json
from offline_eval.history_leaks import leaking
from tests.examples import few

UNSHRUNK = [Phase.explicit, Phase.reuse, Phase.generate]  # each example is a few queries
UNITS = st.sampled_from(["ana", "ben", "cy"])
MOMENTS = st.integers(0, 200 * DAY)


def _payment(unit, at, amount):
    return {"event_key": 1, "unit_id": unit, "occurred_at": at, "amount": float(amount), "quantity": None}


def _visit(unit, at):
    return {"event_key": 1, "unit_id": unit, "occurred_at": at, "kind": "session", "value": None}


def _offer(unit, at, kind, amount, responded):
    return {
        "event_key": 1,
        "unit_id": unit,
        "occurred_at": at,
        "event_type": kind,
        "reward_kind": "coupon",
        "reward_amount": float(amount),
        "responded": responded,
        "redeemed": responded and amount > 5,
    }


def _contact(unit, at, number=1):
    return {"event_key": number, "unit_id": unit, "occurred_at": at, "event_type": "bogo", "reward_amount": 5.0}


def _void(contact, later):
    """The contact was none, as is known some time later."""
    return {name: contact[name] for name in ("event_key", "unit_id")} | {"occurred_at": contact["occurred_at"] + later}


def _response(unit, at, responded):
    return {**_contact(unit, at), "responded": responded}


def _tables(**found):
    contacts, voids = found.pop("contacts and voids")
    rows = {**found, "contacts": contacts, "voids": voids}
    return {kind: pa.Table.from_pylist(rows[kind], schema=HISTORY[kind]) for kind in HISTORY}


CONTACTS = st.lists(
    st.builds(_contact, UNITS, MOMENTS, st.integers(1, 2**60)), max_size=6, unique_by=lambda c: c["event_key"]
)
VOIDED = CONTACTS.flatmap(
    lambda contacts: st.tuples(
        st.just(contacts),
        st.lists(st.builds(_void, st.sampled_from(contacts), st.integers(0, 9 * DAY)), max_size=4)
        if contacts
        else st.just([]),
    )
)
HISTORIES = st.fixed_dictionaries(
    {
        "payments": st.lists(st.builds(_payment, UNITS, MOMENTS, st.integers(0, 50)), max_size=12),
        "activity": st.lists(st.builds(_visit, UNITS, MOMENTS), max_size=12),
        "participation": st.lists(
            st.builds(_offer, UNITS, MOMENTS, st.sampled_from(["bogo", "quest"]), st.integers(0, 60), st.booleans()),
            max_size=8,
        ),
        "contacts and voids": VOIDED,
        "responses": st.lists(st.builds(_response, UNITS, MOMENTS, st.booleans()), max_size=6),
    }
).map(lambda found: _tables(**found))


def _views(duck, events):
    for kind in HISTORY:
        duck.register(f"{kind}_rows", events[kind])
        duck.execute(f"CREATE VIEW {kind} AS SELECT * FROM {kind}_rows")


def columns_at(events, known_at, at):
    with open_duckdb(columns_at.folder) as duck:
        _views(duck, events)
        table = facts(duck, known_at).to_arrow_table()
    return table["unit_id"].to_pylist(), feature_columns(fact_columns(table), at)


@pytest.fixture(autouse=True)
def folder(tmp_path):
    columns_at.folder = tmp_path


@few(8, phases=UNSHRUNK)
@given(HISTORIES, st.integers(1, 220 * DAY), st.integers(0, 40 * DAY))
def test_one_unit_and_columns_of_many_agree_and_facts_stay_good_until_the_next_event(events, known_at, later):
    units, columns = columns_at(events, known_at, known_at + later)
    with open_duckdb(columns_at.folder) as duck:
        _views(duck, events)
        stored = dict(row for rows in facts_json(duck, known_at) for row in rows)
    assert set(units) == set(stored)
    for place, unit in enumerate(units):
        one = features_of(_decode(stored[unit]), known_at + later)
        many = {name: values[place] for name, values in columns.items() if not np.isnan(values[place])}
        assert many == pytest.approx(one)
    quiet = {kind: table.filter(pc.less(table["occurred_at"], known_at)) for kind, table in events.items()}
    again, later_columns = columns_at(quiet, known_at + later, known_at + later)
    place = {unit: n for n, unit in enumerate(again)}
    for name, values in columns.items():
        expected = (
            [later_columns[name][place[unit]] for unit in units] if name in later_columns else [np.nan] * len(units)
        )
        np.testing.assert_allclose(values, expected, err_msg=name)


@few(4, phases=UNSHRUNK)
@given(HISTORIES, st.lists(st.integers(1, 200 * DAY), min_size=2, max_size=4))
def test_no_feature_looks_into_the_future(events, instants):
    assert leaking(lambda known, at: columns_at(known, at, at), events, instants) == {}


def test_a_planted_leak_is_caught():
    events = {kind: HISTORY[kind].empty_table() for kind in HISTORY}
    rows = [_payment("ana", 10 * DAY, 5), _payment("ana", 50 * DAY, 7)]
    events["payments"] = pa.Table.from_pylist(rows, schema=HISTORY["payments"])

    def with_leak(known, at):
        units, columns = columns_at(known, at, at)
        ever = known["payments"]["amount"].to_pylist()
        return units, {**columns, "lifetime_value": np.full(len(units), sum(ever))}

    assert leaking(with_leak, events, [20 * DAY]) == {"lifetime_value": 20 * DAY}

    def careless(known, at):  # the real features, over facts that know more than was known
        return columns_at(known, 2**62, at)

    assert careless(events, 20 * DAY)[1]["monetary"].tolist() != [5.0]
    assert leaking(careless, events, [20 * DAY]), "facts from the future leave features out, which shows"


def test_facts_from_the_future_give_no_features():
    known = UnitFacts(VERSION, seen=10, first=10, last=10)
    assert features_of(known, 10) == features_of(known, 9) == {}
    assert features_of(known, 11)["days_inactive"] == 1 / DAY


def test_features_by_hand():
    events = {kind: HISTORY[kind].empty_table() for kind in HISTORY}
    paid = [_payment("ana", 0, 10), _payment("ana", 100 * DAY, 20), _payment("ana", 110 * DAY, 30)]
    events["payments"] = pa.Table.from_pylist(paid, schema=HISTORY["payments"])
    met = [_offer("ana", 90 * DAY, "bogo", 7, True), _offer("ana", 91 * DAY, "quest", 0, False)]
    events["participation"] = pa.Table.from_pylist(met, schema=HISTORY["participation"])
    events["contacts"] = pa.Table.from_pylist([_contact("ana", 105 * DAY)], schema=HISTORY["contacts"])
    units, columns = columns_at(events, 120 * DAY, 120 * DAY)
    assert units == ["ana"]
    found = {name: values[0] for name, values in columns.items()}
    assert found == pytest.approx(
        {
            "days_inactive": 10,
            "tenure_days": 120,
            "active_events_30d": 0,
            "recency_days": 10,
            "frequency": 3,
            "frequency_90d": 2,
            "monetary": 60,
            "monetary_90d": 50,
            "mean_payment": 20,
            "gap_days": 55,
            "gap_ratio": 10 / 55,
            "offers": 2,
            "response_rate": 0.5,
            "rewards_received": 1,
            "rewards_redeemed": 1,
            "contacts_30d": 1,
            "days_since_contact": 15,
            "response_rate_bogo": 0.75,
            "response_rate_quest": 0.25,
            "response_rate_reward_0_5": 0.25,
            "response_rate_reward_5_10": 0.75,
        }
    )
    assert FEATURES.keys() <= found.keys()


def test_a_voided_contact_counts_until_it_is_known_to_be_none():
    events = {kind: HISTORY[kind].empty_table() for kind in HISTORY}
    contacts = [_contact("ana", 100 * DAY, 1), _contact("ana", 105 * DAY, 2), _contact("ben", 100 * DAY, 3)]
    events["contacts"] = pa.Table.from_pylist(contacts, schema=HISTORY["contacts"])
    voids = [_void(contacts[1], DAY), _void(contacts[2], 2 * DAY)]
    events["voids"] = pa.Table.from_pylist(voids, schema=HISTORY["voids"])

    def seen(at):
        units, columns = columns_at(events, at, at)
        names = ("contacts_30d", "days_since_contact")
        return {unit: tuple(columns[name][place].item() for name in names) for place, unit in enumerate(units)}

    assert seen(105 * DAY + 1)["ana"] == pytest.approx((2, 0), abs=1e-6)
    assert seen(110 * DAY)["ana"] == (1, 10)
    assert seen(101 * DAY)["ben"] == (1, 1)
    assert seen(110 * DAY)["ben"] == pytest.approx((0, np.nan), nan_ok=True), "he is heard of, so that his facts change"


def _import(service, tmp_path, rows, name="pay.csv"):
    (tmp_path / name).write_text("\n".join(["unit_id,occurred_at,amount", *rows]) + "\n")
    importer = Importer(service.engine, service.settings.history_path, SYSTEM)
    return importer.run(Order("payments", Source(str(tmp_path / name)), rejects=tmp_path / "r.csv"))


EXPERIMENT = {
    "key": "e",
    "eligible": {">=": [{"var": "days_inactive"}, 30]},
    "context": {"numeric": ["monetary", "orders"]},
    "arms": [{"key": "a", "event_type": "bogo"}, {"key": "b"}],
    "variants": [{"key": "v", "share": 1, "policy": {"name": "uniform"}}],
}


def test_decisions_see_features_and_keep_them(service, tmp_path):
    client, folder = service.client, service.settings.history_path
    _import(service, tmp_path, ["ana,2026-01-01,5", "ana,2026-01-11,7"])
    client.put("/v1/units/ana", json={"profile": {"orders": 2, "monetary": 99}})
    assert refresh_features(service.engine, SYSTEM, folder) == 1
    assert refresh_features(service.engine, SYSTEM, folder) == 0
    shown = client.get("/v1/units/ana").json()
    assert shown["features"]["monetary"] == 12 and shown["features"]["gap_days"] == 10
    assert client.post("/v1/experiments", json=EXPERIMENT).status_code == 201
    assert client.post("/v1/experiments/e/start").status_code == 200
    decided = client.post("/v1/experiments/e/assignments", json={"unit_id": "ana", "context": {"frequency": 1}}).json()
    assert decided["assigned"], decided
    assert not client.post("/v1/experiments/e/assignments", json={"unit_id": "ben"}).json()["assigned"]
    with reading(service.engine) as session:
        record = decode_record(session.exec(select(Decision)).one().record)
    assert record.history_version == VERSION
    assert record.context["days_inactive"] > 30 and record.context["gap_days"] == 10
    # The profile's own word counts more than what was computed, the caller's more than both.
    assert (record.context["monetary"], record.context["frequency"], record.context["orders"]) == (99, 1, 2)


def test_an_erased_person_is_in_no_feature_and_in_no_file(service, tmp_path):
    client, folder = service.client, service.settings.history_path
    _import(service, tmp_path, ["ana,2026-01-01,5", "ben,2026-01-11,7"])
    refresh_features(service.engine, SYSTEM, folder)
    assert client.delete("/v1/units/ana").status_code == 204
    assert client.get("/v1/units/ana").status_code == 404
    with history(service.engine, folder) as duck:
        assert duck.sql("SELECT unit_id FROM payments").fetchall() == [("ben",)]
    refresh_features(service.engine, SYSTEM, folder, everyone=True)
    assert client.get("/v1/units/ana").status_code == 404
    assert compact_history(service.engine, folder) == 1
    assert compact_history(service.engine, folder) == 0
    older = _import(service, tmp_path, ["ana,2026-02-01,9", "ana,2026-01-01,5"], "again.csv")
    assert (older.accepted, older.rejected, older.classes) == (0, 0, {"erased": 2})
    assert client.put("/v1/units/ana", json={"profile": {}}).status_code == 204
    # Whoever has the id from then on is somebody new, without what was before.
    rows = ["ana,2026-02-01,8", f"ana,{to_rfc3339(now())},9"]
    assert _import(service, tmp_path, rows, "new.csv").classes == {"erased": 1}
    refresh_features(service.engine, SYSTEM, folder)
    assert client.get("/v1/units/ana").json()["features"]["monetary"] == 9


def test_many_small_parts_become_one_with_the_same_events(service, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.store.units.compaction.FEW", 3)
    for n in range(5):
        _import(service, tmp_path, [f"u{n},2026-01-{n + 1:02d},{n}"], f"p{n}.csv")
    folder = service.settings.history_path
    with history(service.engine, folder) as duck:
        before = sorted(duck.sql("SELECT * FROM payments").fetchall())
    assert compact_history(service.engine, folder) == 5
    with history(service.engine, folder) as duck:
        assert sorted(duck.sql("SELECT * FROM payments").fetchall()) == before
    assert refresh_features(service.engine, SYSTEM, folder) == 5
    with reading(service.engine) as session:
        assert all(json.loads(row.facts)["payments"] == 1 for row in session.exec(select(Unit)))
