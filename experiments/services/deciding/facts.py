"""What is known of a unit when it is decided: features of the history, profile, segments, and what the caller says."""

from typing import Any

import msgspec

from bandit.rounds import Scalar
from experiments.model.unit_features import history_features
from experiments.services.deciding.messages import Assignment
from experiments.store.deciding.decision_log import Known

_decode_features = msgspec.json.Decoder(dict[str, Scalar]).decode
_decode_anything = msgspec.json.Decoder(dict[str, Any]).decode


def facts_of(known: Known, request: Assignment, at: int, past: bool) -> dict[str, Scalar]:
    """Features of the history, the stored profile over them, then segments, and over all what the caller says.

    Of a `past` instant only what had been written by then: what came later is not known to have held, and may have
    come of the decision itself.
    """
    text = known.profiles.get(request.unit_id)
    if text is None:
        return dict(request.context)
    history = history_features(known.facts.get(request.unit_id), at)
    segments = known.segments.get(request.unit_id)
    if past:
        profile_at, segments_at = known.written[request.unit_id]
        text = text if profile_at <= at else "{}"
        segments = segments if segments_at is not None and segments_at <= at else None
    if segments is None:
        return {**history, **profile_facts(text), **request.context}
    return {**history, **profile_facts(text), **_decode_features(segments), **request.context}


def profile_facts(text: str) -> dict[str, Scalar]:
    """A stored profile's features: what is nested has no place in a context."""
    try:
        return _decode_features(text)
    except msgspec.ValidationError:
        return {name: value for name, value in _decode_anything(text).items() if _is_feature(value)}


def _is_feature(value: object) -> bool:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return False
    return value is None or isinstance(value, str | int | float)
