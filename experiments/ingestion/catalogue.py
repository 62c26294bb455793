"""The stream of the arm catalogue: a row is an arm as `PUT /v1/catalogue/arms` takes it."""

from collections.abc import Sequence

import msgspec
from pydantic import ValidationError
from sqlalchemy import Engine

from experiments.ingestion.envelope import Envelope
from experiments.ingestion.taking import Refused, decoded_rows, refused_row
from experiments.model.access.principal import SYSTEM
from experiments.model.catalogue import CatalogueEntry, entry_faults
from experiments.services.designing.cataloguing import put_arms

_raw = msgspec.json.Decoder(msgspec.Raw)


class CatalogueTaker:
    """See Taker. Older changes that come later are not applied, where their sender says `changed_at`."""

    kind = "arm"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, envelopes: Sequence[Envelope]) -> list[Refused]:
        """See Taker."""
        entries: list[CatalogueEntry] = []
        refused: list[Refused] = []
        for envelope in envelopes:
            good, bad = decoded_rows(_raw, self.kind, envelope)
            refused += bad
            for _, row, place in good:
                found = _read(row)
                if isinstance(found, CatalogueEntry):
                    entries.append(found)
                else:
                    refused.append(refused_row(self.kind, envelope, place, row, found))
        if entries:
            put_arms(self._engine, SYSTEM, entries)
        return refused


def _read(row: bytes) -> CatalogueEntry | str:
    """The arm, or what is wrong with it."""
    try:
        entry = CatalogueEntry.model_validate_json(row)
    except ValidationError as error:
        return "; ".join(f"/{'/'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in entry_faults(entry)) or entry
