"""What the fields of definitions may hold: names, money, shares, durations, instants."""

from contextlib import suppress
from datetime import UTC, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from experiments.model.designing.wording import KEY, WORD

Key = Annotated[str, StringConstraints(pattern=KEY)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Feature = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Cap = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


_AS_DURATION = TypeAdapter(timedelta)


def _iso(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and value.startswith("P"):
        with suppress(ValidationError):
            return _AS_DURATION.validate_python(value)
    raise ValueError("must be an ISO 8601 duration such as P7D or PT30S")


Duration = Annotated[timedelta, BeforeValidator(_iso), Field(ge=timedelta(0), le=timedelta(days=3650))]
Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
Rule = Any
"""JsonLogic; compiled by bandit.rules."""

OutcomeKind = Annotated[str, StringConstraints(pattern=WORD)]
