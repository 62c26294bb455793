"""What a record says of the draw: the arms that had a chance, and how much of one."""

import json
import math
from typing import NamedTuple

import msgspec

from experiments.model.deciding.drawing import draw_number
from experiments.model.deciding.hashing import unit_bucket


class DrawEvidence(msgspec.Struct):
    """The part of a record that arm contrasts and trust checks need; the eligible arms as they are written.

    `bucket` and `draw` are kept of erased persons only (see model.record): of others they follow from the unit.
    """

    eligible: msgspec.Raw
    pmf: list[float]
    erased: bool = False
    bucket: int | None = None
    draw: float | None = None

    def bucket_of(self, salt: bytes, unit_id: str) -> int:
        """The unit's bucket in rollups."""
        return unit_bucket(salt, unit_id) if self.bucket is None else self.bucket

    def draw_of(self, salt: bytes, place: tuple[str, int, int]) -> float:
        """The number that drew at a place (unit, epoch, attempt); not a number where it was lost with a person."""
        if self.erased:
            return math.nan if self.draw is None else self.draw
        return draw_number(salt, *place)


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
