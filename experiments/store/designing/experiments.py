"""Experiments in the database: found by key, numbered by version and revision, and side by side in their layers."""

import re
import secrets
from typing import NamedTuple

from sqlmodel import Session, col, select

from experiments.errors import Fault, InvalidError, NotFoundError
from experiments.model.designing.definition import Definition, LayerDefinition
from experiments.model.designing.states import LIVE
from experiments.model.tables.core import Experiment, Revision, ServiceSetting
from experiments.store.core.engine import hold
from experiments.store.core.locks import Lock

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOLERANCE = 1e-9


def find(session: Session, key: str, *, for_change: bool = False) -> Experiment:
    """The experiment; `for_change` makes others that change it wait. Raises NotFoundError."""
    found = None
    if _KEY.fullmatch(key):  # anything else, NUL bytes included, cannot be the key of one
        query = select(Experiment).where(Experiment.key == key)
        found = session.exec(query.with_for_update() if for_change else query).first()
    if found is None:
        raise NotFoundError(f"there is no experiment {key[:64]!r}")
    return found


def stored_form(definition: Definition) -> dict[str, object]:
    """A definition as its column holds it: all but the salt, which has a column of its own."""
    return definition.model_dump(mode="json", exclude={"salt"})


def open_revision(session: Session, experiment: Experiment, at: int, cap_origin: str | None = None) -> None:
    """Write down the definition in force under the experiment's revision number.

    `cap_origin` as in Revision; the origin of a cap that the last revision had already stays what it was.
    """
    number = experiment.id or 0
    before = session.get(Revision, (number, experiment.revision - 1))
    cap = experiment.definition.get("cap_revenue")
    if before is not None and cap is not None and cap == before.definition.get("cap_revenue"):
        cap_origin = before.cap_origin
    session.add(
        Revision(
            experiment_id=number,
            number=experiment.revision,
            definition=experiment.definition,
            opened_at=at,
            cap_origin=cap_origin,
        )
    )


class _Span(NamedTuple):
    start: float
    end: float
    key: str


def place_in_layer(session: Session, definition: Definition, own_id: int | None) -> tuple[Definition, list[Fault]]:
    """The definition with its place in its layer, and a note where the place was chosen here.

    Raises InvalidError where another experiment that is not over is in the way, or the layer is full.
    """
    layer = definition.layer
    if layer is None:
        return definition, []
    hold(session, Lock.LAYERS)
    taken = _taken(session, layer.key, own_id)
    if layer.offset is not None:
        _refuse_overlap(layer, layer.offset, taken)
    offset = layer.offset if layer.offset is not None else _first_gap(layer, taken)
    _salt_layer(session, layer.key)
    if layer.offset is not None:
        return definition, []
    placed = definition.model_copy(update={"layer": layer.model_copy(update={"offset": offset})})
    return placed, [Fault("/layer/offset", f"was left out; this experiment was given {offset:g}")]


def _salt_layer(session: Session, key: str) -> None:
    """A layer's units are shuffled by a salt of its own, drawn when the layer is first named."""
    if session.get(ServiceSetting, f"layer:{key}") is None:
        session.add(ServiceSetting(name=f"layer:{key}", value={"salt": secrets.token_hex(32)}))


def _taken(session: Session, layer: str, own_id: int | None) -> list[_Span]:
    rows = session.exec(select(Experiment).where(col(Experiment.status).in_(LIVE))).all()
    places = [(row.key, row.definition.get("layer")) for row in rows if row.id != own_id]
    mine = [(key, place) for key, place in places if place and place["key"] == layer]
    return sorted(_Span(place["offset"], place["offset"] + place["share"], key) for key, place in mine)


def _refuse_overlap(layer: LayerDefinition, offset: float, taken: list[_Span]) -> None:
    end = offset + layer.share
    clashes = [span.key for span in taken if offset < span.end - _TOLERANCE and span.start < end - _TOLERANCE]
    if clashes:
        sentence = f"overlaps {', '.join(clashes)} in the layer {layer.key!r}; leave the offset out to be given one"
        raise InvalidError([Fault("/layer/offset", sentence)])


def _first_gap(layer: LayerDefinition, taken: list[_Span]) -> float:
    start = 0.0
    for span in [*taken, _Span(1.0, 1.0, "")]:
        if span.start - start >= layer.share - _TOLERANCE:
            return start
        start = max(start, span.end)
    free = 1.0 - sum(span.end - span.start for span in taken)
    raise InvalidError(
        [Fault("/layer/share", f"the layer {layer.key!r} has no gap of {layer.share:g} (free in all: {free:g})")]
    )
