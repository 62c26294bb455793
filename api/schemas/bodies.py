"""What every schema starts from."""

from typing import Annotated, Any

import msgspec
from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from experiments.views.paging import MAX_LIMIT, Wanted

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
"""A row's number in an address: larger ones no database holds."""

_encode = msgspec.json.Encoder().encode


class Body(BaseModel):
    """A body that is read strictly: no conversions, and no field that nobody knows."""

    model_config = ConfigDict(extra="forbid", strict=True)


def wanted_page(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
) -> Wanted:
    """Which page of the list at this address."""
    return Wanted(limit, cursor, request.scope["path"])


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON, encoded once; the route's response model only describes it."""
    return Response(_encode(content), status, headers, media_type="application/json")
