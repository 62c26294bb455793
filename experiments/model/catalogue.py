"""The arm catalogue: arms as an event-management system has them, whichever experiments use them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bandit.rounds import NOTHING, Scalar
from experiments.errors import Fault
from experiments.model.checks.shape import value_faults
from experiments.model.designing.fields import Feature, Finite, Key, Moment, Money, Name

ACTIVE, WITHDRAWN = "active", "withdrawn"
MOST_BYTES = 65_536
"""Bytes of one entry as JSON."""


class CatalogueFields(BaseModel):
    """One arm but for its key. `changed_at` is the sender's time of the change (left out: that of its receipt)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Literal["active", "withdrawn"] = "active"
    name: Annotated[str, Field(max_length=200)] = ""
    event_type: Name | None = None
    reward_kind: Name | None = None
    reward_amount: Finite = 0.0
    reward_cost: Money = 0.0
    contact_cost: Money = 0.0
    attributes: dict[Feature, Scalar] = {}
    payload: dict[str, Any] = {}
    changed_at: Moment | None = None


class CatalogueEntry(CatalogueFields):
    """One arm."""

    key: Key


def entry_faults(entry: CatalogueEntry, where: str = "") -> list[Fault]:
    """What the types cannot say."""
    faults = value_faults(entry.model_dump(mode="json"), where)
    if entry.key == NOTHING:
        faults.append(Fault(f"{where}/key", f"{NOTHING!r} is reserved: it can be neither catalogued nor withdrawn"))
    if len(entry.model_dump_json()) > MOST_BYTES:
        faults.append(Fault(where, f"larger than {MOST_BYTES:,} bytes"))
    return faults
