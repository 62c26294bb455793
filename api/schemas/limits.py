"""Suppression lists and budgets."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.bodies import Body
from api.schemas.experiments import Instant

Reason = Annotated[str, StringConstraints(min_length=1, max_length=200)]
UnitId = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class SuppressionRequest(Body):
    """Why, and until when (left out: for good)."""

    reason: Reason = "by request"
    expires_at: Instant | None = None


class SuppressionsRequest(SuppressionRequest):
    """The same for many units."""

    units: Annotated[list[UnitId], Field(min_length=1, max_length=1000)]


class SuppressionDocument(BaseModel):
    """A unit that no experiment contacts."""

    unit_id: str
    reason: str
    in_force: bool
    created_at: datetime
    created_by: str
    expires_at: datetime | None


class Suppressions(BaseModel):
    """A page of the list."""

    items: list[SuppressionDocument]
    next_cursor: str | None


class SuppressedCount(BaseModel):
    """How many units were put on the list; `erased`: how many were not, because their persons were erased."""

    suppressed: int
    erased: int = 0


class Span(BaseModel):
    """An instant with its 95 % interval; an end that lies years ahead is null."""

    value: datetime | None
    lower: datetime | None
    upper: datetime | None


class BudgetDocument(BaseModel):
    """Where a budget stands, in the experiment's currency.

    `committed`: decided for at full cost, less what was voided and what turned out not to fall due (the hard limit is
    on this). `realised`: what matured decisions really cost. `expected`: realised, and what open decisions are expected
    to cost (pacing is on this). `planned`: what even pacing would have spent by now. `pace`: expected over planned.
    `lambda`: the price on cost in force. `depleted`: what is not committed is too little for any arm that costs
    something; `depletes_at` is then `as_of`, also where more than the amount is committed.
    """

    experiment: str
    currency: str
    amount: float
    pacing: str
    ends_at: datetime | None
    as_of: datetime | None
    committed: float
    realised: float
    expected: float
    remaining: float
    planned: float | None
    pace: float | None
    price: float = Field(alias="lambda")
    expected_costs: dict[str, float]
    depleted: bool
    depletes_at: Span | None
