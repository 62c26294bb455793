"""Bodies and answers of destinations, deliveries and exposures."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Struct
from pydantic import BaseModel, Field

from api.schemas.bodies import Body
from experiments.services.delivering.fallbacks import FallbackReport, FallbackResult

Key = Annotated[str, Field(min_length=1, max_length=64)]
Variable = Annotated[str, Field(max_length=200, description="name of an environment variable, WINBACK_SECRET_…")]


class Fallbacks(Struct, forbid_unknown_fields=True):
    """Up to 1,000 reports; the bare list is taken too."""

    exposures: list[FallbackReport]


class FallbackReceipt(Struct):
    """One result for each report, in order."""

    results: list[FallbackResult]


class DestinationBody(Body):
    """A place to push assignments to. Secrets are named, never sent."""

    key: Key
    kind: Key
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    signing_env: Variable | None = None
    credential_env: Variable | None = None
    batch_size: Annotated[int, Field(ge=1, le=1000)] | None = None
    options: dict[str, Any] = Field({})


class DestinationPatch(Body):
    """What shall change of a destination."""

    url: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    signing_env: Variable | None = None
    credential_env: Variable | None = None
    batch_size: Annotated[int, Field(ge=1, le=1000)] | None = None
    options: dict[str, Any] | None = None


class DestinationDocument(BaseModel):
    """A destination; `secrets_present`: whether this process finds the variables that it names."""

    key: str
    kind: str
    url: str
    signing_env: str | None
    credential_env: str | None
    batch_size: int
    options: dict[str, Any]
    secrets_present: bool
    created_at: datetime
    created_by: str


class Destinations(BaseModel):
    """Every destination."""

    items: list[DestinationDocument]


class SourceBody(Body):
    """Which decisions. At most one of `batch` and `segment`; without either, all of the experiment.

    `since` is the `next_cursor` of an earlier delivery; `value` narrows a segment to one of its groups.
    """

    batch: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    segment: Key | None = None
    value: Annotated[str, Field(max_length=1000)] | None = None
    since: Annotated[str, Field(max_length=20)] | None = None


class DeliveryBody(Body):
    """What to send, and where. Without a destination a file is made, in `format`, to be fetched.

    `include_nothing` also sends decisions for the arm `nothing` (by default only into files); `again` also what was
    pushed to this destination before.
    """

    destination: Key | None = None
    format: Literal["csv", "parquet", "jsonl"] | None = None
    source: SourceBody = Field(SourceBody())
    include_nothing: bool | None = None
    again: bool = False


class DeliveryDocument(BaseModel):
    """How far a delivery is. `skipped`: left out as void, matured, pushed before or for nothing.

    `withheld`: left out because nobody may contact the unit (any more): it is suppressed, or the person was erased. Of
    a file these are the counts of when it was last fetched to its end.
    """

    id: int
    experiment: str
    destination: str | None
    format: str
    status: str
    request: dict[str, Any]
    sent: int
    refused: int
    skipped: int
    withheld: int
    batches: int
    attempts: int
    next_attempt_at: datetime | None
    error: str | None
    refusals: dict[str, str]
    next_cursor: str
    file: str | None
    created_by: str
    created_at: datetime
    finished_at: datetime | None


class Deliveries(BaseModel):
    """A page of deliveries."""

    items: list[DeliveryDocument]
    next_cursor: str | None


class ExposuresDocument(BaseModel):
    """Who was really shown what.

    `arms`: assigned, voided, pushed through a delivery, confirmed by another system. `fallbacks`: units that were shown
    the control without a decision, and the decisions that they touch.
    """

    experiment: str
    arms: dict[str, dict[str, int]]
    fallbacks: dict[str, Any]
