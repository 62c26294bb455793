"""Facts of a unit's history as they are stored beside its profile, and the features of a decision from them."""

import msgspec

from bandit.history import VERSION, UnitFacts, features_of

_decode = msgspec.json.Decoder(UnitFacts).decode


def history_features(facts: str | None, at: int) -> dict[str, float]:
    """The features of a decision at an instant.

    None where nothing is stored, or what is was made for another version of the features: a refresh makes it anew.
    """
    if facts is None:
        return {}
    known = _decode(facts)
    return features_of(known, at) if known.version == VERSION else {}
