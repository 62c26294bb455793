"""What the routes around units take and give."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.schemas.bodies import Body


class ProfileRequest(Body):
    """What shall be stored of a unit, instead of what is."""

    profile: dict[str, Any]


class UnitProfile(ProfileRequest):
    """A unit and its profile."""

    unit_id: str


class ProfilesRequest(Body):
    """Profiles of many units; `merge` keeps what a profile holds beyond the names given, and takes out null ones."""

    units: Annotated[list[UnitProfile], Field(min_length=1, max_length=1000)]
    merge: bool = False


class UnitsStored(BaseModel):
    """How many units were stored; `erased`: how many were not, because their persons were erased."""

    stored: int
    erased: int = 0


class UnitDocument(BaseModel):
    """What is stored of a unit; `features` are those of its history, as a decision made now would see them."""

    unit_id: str
    profile: dict[str, Any]
    updated_at: datetime
    features: dict[str, float]
    features_as_of: datetime | None
    segments: dict[str, Any]
