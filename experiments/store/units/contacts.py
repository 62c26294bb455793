"""The service's own decisions as history: contacts, what became of them and which were none, taken over."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from sqlalchemy import text
from sqlmodel import Session

from bandit.rounds import NOTHING
from experiments.model.history import HISTORY
from experiments.model.tables.profiles import HistoryPart, RefreshMark
from experiments.store.designing.revisions import RevisionBook
from experiments.store.units.erasures import hide_in_part

AT_ONCE = 20_000
_metrics = msgspec.json.Decoder(dict[str, float]).decode
ERASED = "erased-"
"""How the id of an erased person begins: nobody decides for it again."""

# Experiments on the caller's clock are simulations and replays: nobody was contacted.
_CONTACTS = """
SELECT d.id, d.unit_id, d.decided_at, d.experiment_id, d.revision, d.arm FROM decisions AS d
JOIN experiments AS e ON e.id = d.experiment_id AND e.clock_now IS NULL
LEFT JOIN voids AS v ON v.decision_id = d.id
WHERE d.id > :mark AND d.id < :until AND d.arm <> :nothing AND v.decision_id IS NULL ORDER BY d.id LIMIT :most
"""
_RESPONSES = """
SELECT l.seq, d.id, d.unit_id, d.matures_at, l.experiment_id, l.revision, l.arm, l.metrics FROM logged_rounds AS l
JOIN decisions AS d ON d.id = l.decision_id
JOIN experiments AS e ON e.id = l.experiment_id AND e.clock_now IS NULL
WHERE l.seq > :mark AND l.arm <> :nothing AND l.learnable AND NOT l.voided ORDER BY l.seq LIMIT :most
"""
_VOIDS = """
SELECT v.voided_at, d.id, d.unit_id FROM voids AS v
JOIN decisions AS d ON d.id = v.decision_id
JOIN experiments AS e ON e.id = d.experiment_id AND e.clock_now IS NULL
WHERE v.voided_at > :mark AND v.voided_at < :until AND d.arm <> :nothing ORDER BY v.voided_at, d.id LIMIT :most
"""


class Gathered(NamedTuple):
    """Events of one kind, and the mark up to which they are all there; `more` where there may be more."""

    kind: str
    events: pa.Table
    mark: int
    more: bool


def mark(session: Session, name: str) -> int:
    """How far something came; 0 at the start."""
    row = session.get(RefreshMark, name)
    return 0 if row is None else row.value


def gather_contacts(session: Session, book: RevisionBook, until: int) -> Gathered:
    """Decisions after the mark with ids below `until`, with an arm other than `nothing`, not voided so far."""
    values = {"mark": mark(session, "contacts"), "until": until, "nothing": NOTHING, "most": AT_ONCE}
    found = session.connection().execute(text(_CONTACTS), values).all()
    rows = []
    for number, unit_id, decided_at, experiment_id, revision, arm in found:
        if not unit_id.startswith(ERASED):
            described = _arm(session, book, (experiment_id, revision), arm)
            rows.append({"event_key": number, "unit_id": unit_id, "occurred_at": decided_at, **described})
    return Gathered("contacts", _table("contacts", rows), found[-1][0] if found else 0, len(found) == AT_ONCE)


def gather_responses(session: Session, book: RevisionBook) -> Gathered:
    """Rounds that were joined after the mark: known from the instant when their decision matured."""
    values = {"mark": mark(session, "responses"), "nothing": NOTHING, "most": AT_ONCE}
    found = session.connection().execute(text(_RESPONSES), values).all()
    rows = []
    for _, number, unit_id, matures_at, experiment_id, revision, arm, metrics in found:
        if not unit_id.startswith(ERASED):
            described = _arm(session, book, (experiment_id, revision), arm)
            responded = _reengaged(metrics)
            event = {"event_key": number, "unit_id": unit_id, "occurred_at": matures_at, "responded": responded}
            rows.append({**event, **described})
    return Gathered("responses", _table("responses", rows), found[-1][0] if found else 0, len(found) == AT_ONCE)


def gather_voids(session: Session, until: int) -> Gathered:
    """Contacts that were voided after the mark and before `until`: from then on they are known to have been none."""
    values = {"mark": mark(session, "voids"), "until": until, "nothing": NOTHING, "most": AT_ONCE}
    found = list(session.connection().execute(text(_VOIDS), values).all())
    more = len(found) == AT_ONCE
    if more and found[0][0] != found[-1][0]:  # the rest of the last instant comes next time
        last = found[-1][0]
        found = [row for row in found if row[0] != last]
    rows = [
        {"event_key": number, "unit_id": unit_id, "occurred_at": voided_at}
        for voided_at, number, unit_id in found
        if not unit_id.startswith(ERASED)
    ]
    return Gathered("voids", _table("voids", rows), found[-1][0] if found else 0, more)


def keep_gathered(session: Session, gathered: Gathered, path: str) -> None:
    """The part and the new mark, together."""
    mark = RefreshMark(name=gathered.kind, value=gathered.mark)
    if not gathered.events.num_rows:
        session.merge(mark)
        return
    times = gathered.events["occurred_at"].to_numpy()
    hide_in_part(
        session,
        HistoryPart(
            kind=gathered.kind,
            import_id=-1 - list(HISTORY).index(gathered.kind),
            sequence=gathered.mark,
            path=path,
            rows=gathered.events.num_rows,
            first_at=int(times.min()),
            last_at=int(times.max()),
            live=True,
        ),
        gathered.events,
    )
    session.merge(mark)


def _arm(session: Session, book: RevisionBook, revision: tuple[int, int], key: str) -> dict[str, Any]:
    arm = book.of(session, *revision).arms([key], {})[0]
    return {"event_type": arm.event_type, "reward_amount": arm.reward_amount}


def _reengaged(metrics: object) -> bool:
    """The default metric: any session, participation or conversion."""
    found: Mapping[str, float] = metrics if isinstance(metrics, Mapping) else _metrics(str(metrics))
    return found.get("reengagement", 0.0) > 0


def _table(kind: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=HISTORY[kind])
