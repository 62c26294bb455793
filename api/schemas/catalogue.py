"""Bodies and answers of the arm catalogue."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from experiments.model.catalogue import CatalogueEntry

MOST_ARMS = 1000


class CatalogueRequest(BaseModel):
    """Arms to create or replace."""

    model_config = ConfigDict(extra="forbid")

    arms: Annotated[list[CatalogueEntry], Field(min_length=1, max_length=MOST_ARMS)]


class CatalogueReceipt(BaseModel):
    """What came of it: keys of arms of which something newer is known, and the live experiments whose eligible arms
    changed."""

    applied: int
    stale: list[str]
    experiments: list[str]


class CatalogueArmDocument(CatalogueEntry):
    """An arm of the catalogue; `experiments` refer to it (only where one arm is asked for)."""

    status: Literal["active", "withdrawn"]
    updated_at: str
    experiments: Annotated[list[str], Field(default_factory=list)]


class CatalogueArms(BaseModel):
    """A page of arms, newest first."""

    items: list[CatalogueArmDocument]
    next_cursor: str | None
