"""One person whose marker is in every field of every door, and where it is found afterwards."""

import json
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy import LargeBinary, Text, text
from sqlalchemy.types import JSON

from experiments.connectors import Source
from experiments.ingestion.importing import Importer, Order
from experiments.model.access.principal import SYSTEM
from experiments.model.tables import SQLModel
from experiments.model.tables.batches import DecisionBatch
from experiments.model.tables.deliveries import Delivery
from experiments.model.tables.limits import UnitVersion
from experiments.model.tables.portfolio import HeldOutAsk, PortfolioUnit
from experiments.services.batching.requesting import BatchRequest, request_batch
from experiments.services.refreshing_features import refresh_features
from experiments.services.segmenting.membership import set_members
from experiments.store.core.engine import reading, transaction
from experiments.store.recording.dead_letters import Letter, keep
from tests.experiments.batches.base import campaign

MARK = "marker_77x"
WORD = f"{MARK} <Zoë>"
"""In free text beside the id."""

DAYS = "2026-01-01", "2026-02-01"
SEGMENT = {"key": "vip", "name": "VIP", "kind": "external", "params": {}}


def found(engine, folder: Path) -> dict[str, int]:
    """Table and column, or file → how often the marker is there. Every table of the metadata, every file."""
    places: dict[str, int] = {}
    with reading(engine) as session:
        for table in SQLModel.metadata.sorted_tables:
            columns = [each.name for each in table.columns if isinstance(each.type, Text | JSON | LargeBinary)]
            for row in session.connection().execute(text(f"SELECT {', '.join(columns) or '1'} FROM {table.name}")):
                for name, value in zip(columns, row, strict=False):
                    if MARK.encode() in _bytes(value):
                        places[f"{table.name}.{name}"] = places.get(f"{table.name}.{name}", 0) + 1
    for path in folder.rglob("*"):
        if path.is_file() and MARK.encode() in (path.read_bytes() + _told(path)):
            places[str(path.relative_to(folder))] = 1
    return places


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()


def _told(path: Path) -> bytes:
    return json.dumps(pq.read_table(path).to_pylist(), default=str).encode() if path.suffix == ".parquet" else b""


def outcome(event, **more):
    told = {"source": WORD, "kind": "session", "occurred_at": "2026-01-05T00:00:00Z"}
    return {"event_id": f"{event}-{WORD}", **told, **more}


def report(client, *outcomes):
    answer = client.post("/v1/outcomes", json={"outcomes": list(outcomes)})
    return [each["class"] for each in answer.json()["results"]]


def load(service, folder: Path, kind: str, header: str, *rows: str):
    """An import of a file that lies outside of the data directory."""
    path = folder / f"{kind}.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    importer = Importer(service.engine, service.settings.history_path, SYSTEM)
    return importer.run(Order(kind, Source(str(path)), rejects=folder / "rejected.csv"))


EXPOSURE = {"exposure_id": f"x-{WORD}", "experiment": "win", "unit_id": MARK, "arm": "b", "at": "2026-01-02T00:00:00Z"}
ASK = {"unit_id": MARK, "context": {"orders": 3, "note": WORD}, "idempotency_key": f"k-{WORD}"}


def everywhere(service, folder: Path) -> dict[str, object]:
    """A person in every store; what has to be known of it later."""
    client, engine = service.client, service.engine
    campaign(client)
    client.post("/v1/segments", json=SEGMENT)
    for unit, note in ((MARK, WORD), ("ben", "")):
        assert client.put(f"/v1/units/{unit}", json={"profile": {"note": note, "orders": 3}}).status_code == 204
    decision = client.post("/v1/experiments/win/assignments", json=ASK).json()["decision_id"]
    client.post("/v1/experiments/win/assignments", json={"unit_id": "ben", "context": {"orders": 3}})
    named, of_unit = outcome("n", decision_id=decision), outcome("u", unit_id=MARK, properties={"note": WORD})
    report(client, named, of_unit)
    assert client.post(f"/v1/decisions/{decision}/void", json={"reason": MARK}).status_code == 200
    client.post("/v1/exposures/fallback", json={"exposures": [EXPOSURE]})
    client.put("/v1/suppressions", json={"units": [MARK], "reason": WORD})
    track(client, "m")
    set_members(engine, SYSTEM, "vip", {MARK: "member", "ben": "member"})
    for day in DAYS:
        load(service, folder, "payments", "unit_id,occurred_at,amount", f"{MARK},{day},5", f"ben,{day},4")
    load(service, folder, "activity", "unit_id,occurred_at,kind", f"{MARK},2026-01-01,session")
    refresh_features(engine, SYSTEM, service.settings.history_path)
    rows = [{"unit_id": unit, "context": {"orders": 2, "note": note}} for unit, note in ((MARK, WORD), ("ben", ""))]
    asked, queued = (ask_for(client, rows) for _ in range(2))
    over_all = request_batch(engine, SYSTEM, "win", BatchRequest())
    with transaction(engine) as session:
        letters = [{"unit_id": MARK, "note": WORD}, {"decision_id": decision, "note": WORD}]
        bodies = [json.dumps({"data": each}).encode() for each in letters]
        keep(session.connection(), [Letter("outcomes", body, "malformed") for body in bodies], 1)
        session.add_all([*_by_hand(), _push({decision: WORD})])
        session.get_one(DecisionBatch, over_all).position = json.dumps({"after": MARK, "files": []})
    return {
        "decision": decision,
        "events": (named, of_unit),
        "rows": rows,
        "asked": asked,
        "queued": queued,
        "over_all": over_all,
    }


def track(client, message):
    """A person who is told of as Segment does."""
    client.post("/v1/identify", json={"userId": MARK, "traits": {"name": WORD}})
    order = {"event": "Order Completed", "properties": {"coupon": WORD}}
    client.post("/v1/track", json={"userId": MARK, "messageId": f"{message}-{WORD}", **order})


def ask_for(client, rows) -> int:
    """A batch over rows that are given."""
    return client.post("/v1/experiments/win/batches", json={"assignments": rows}).json()["id"]


def _by_hand():
    """What only comes about with a holdout over all, or with caps over all experiments."""
    yield UnitVersion(unit_id=MARK, version=1)
    yield HeldOutAsk(unit_id=MARK, asked_at=1, matures_at=2)
    yield PortfolioUnit(unit_id=MARK, share=1, held_out=False, bucket=1, enrolled_at=1)


def _push(refusals):
    """One that its receiver refused in words that repeat what was sent."""
    names = ("after", "through", "cursor", "created_at")
    return Delivery(
        experiment_id=1,
        destination_id=1,
        format="push",
        status="dead",
        request={},
        error=f"400: {MARK}",
        refusals=refusals,
        created_by="tests",
        **dict.fromkeys(names, 0),
    )
