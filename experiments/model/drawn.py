"""What a record says of the draw: the arms that had a chance, and how much of one."""

import json
from typing import NamedTuple

import msgspec


class DrawEvidence(msgspec.Struct):
    """The part of a record that arm contrasts and trust checks need; the eligible arms as they are written."""

    eligible: msgspec.Raw
    pmf: list[float]
    erased: bool = False


class Pmf(NamedTuple):
    """Arms of positive probability, and their probabilities."""

    arms: tuple[str, ...]
    p: list[float]


read_evidence = msgspec.json.Decoder(DrawEvidence).decode
_sets: dict[bytes, tuple[str, ...]] = {}
_SETS_KEPT = 10_000


def pmf_of(evidence: DrawEvidence) -> Pmf:
    """Without the arms that an override gave no chance: for that decision they were not eligible."""
    raw = bytes(evidence.eligible)
    arms = _sets.get(raw)
    if arms is None:
        if len(_sets) >= _SETS_KEPT:
            _sets.clear()
        arms = _sets[raw] = tuple(json.loads(raw))
    if all(evidence.pmf):
        return Pmf(arms, evidence.pmf)
    kept = [place for place, p in enumerate(evidence.pmf) if p]
    return Pmf(tuple(arms[place] for place in kept), [evidence.pmf[place] for place in kept])
