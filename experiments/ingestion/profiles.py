"""The stream of profile changes: `{"unit_id": ..., "profile": {...}}` replaces what is stored of the unit."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Engine

from experiments.ingestion.envelope import Envelope
from experiments.ingestion.taking import Refused, decoded_rows, refused_row
from experiments.model.access.principal import SYSTEM
from experiments.services.profiling import faults_of_profile, store_profiles


class _Change(Struct, forbid_unknown_fields=True):
    unit_id: str
    profile: dict[str, Any]


_decoder = msgspec.json.Decoder(_Change)


class ProfileTaker:
    """See Taker. The last change of a unit holds: a redelivery, which comes in the queue's order, changes nothing."""

    kind = "profile"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, envelopes: Sequence[Envelope]) -> list[Refused]:
        """See Taker."""
        profiles: dict[str, Mapping[str, Any]] = {}
        refused: list[Refused] = []
        for envelope in envelopes:
            good, bad = decoded_rows(_decoder, self.kind, envelope)
            refused += bad
            for change, row, place in good:
                faults = faults_of_profile(change.unit_id, change.profile)
                if faults:
                    reason = "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults)
                    refused.append(refused_row(self.kind, envelope, place, row, reason))
                else:
                    profiles[change.unit_id] = change.profile
        if profiles:
            store_profiles(self._engine, SYSTEM, profiles)
        return refused
