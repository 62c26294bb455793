"""What the routes around keys, users, the audit log, units and settings take and give."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.schemas.bodies import Body
from api.schemas.experiments import Finite, Instant
from experiments.model.access.rate_limits import MOST, Per
from experiments.model.designing.fields import Duration
from experiments.services.access.rotating import OVERLAP

Word = Annotated[str, Field(max_length=64)]


Count = Annotated[int, Field(ge=1, le=MOST)]


class RateLimitDocument(Body):
    """So many requests per second or minute on average; `burst` at once, as many as `requests` where it is not said."""

    requests: Count
    per: Per
    burst: Count | None = None


class KeyRequest(Body):
    """A new key."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[list[Word], Field(max_length=20)]
    expires_at: Instant | None = None
    rate_limit: RateLimitDocument | None = None


class RotationRequest(Body):
    """How long the old secret goes on."""

    overlap: Annotated[Duration, Field(description="ISO 8601, at most P90D")] = OVERLAP


class NewKey(BaseModel):
    """A key that was just made: shown this once."""

    id: int
    key: str
    prefix: str


class RotatedKey(NewKey):
    """The new key of a rotation; `replaced_until` is when the old one ends."""

    replaced_until: datetime


class KeyDocument(BaseModel):
    """A key, without what could be used as one."""

    id: int
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="to about half a minute")]
    replaced_by: Annotated[int | None, Field(description="the id of the key that it was rotated to")]
    rate_limit: RateLimitDocument | None


class Keys(BaseModel):
    """A page of keys."""

    items: list[KeyDocument]
    next_cursor: str | None


class UserRequest(Body):
    """A new person."""

    email: Annotated[str, Field(max_length=254)]
    password: Annotated[str, Field(max_length=1024)]
    role: Word


class UserPatch(Body):
    """What shall change of a person."""

    role: Word | None = None
    password: Annotated[str | None, Field(max_length=1024)] = None
    disabled: bool | None = None


class NewUser(BaseModel):
    """The new person's number."""

    id: int


class UserDocument(BaseModel):
    """A person."""

    id: int
    email: str
    role: str
    created_at: datetime
    disabled_at: datetime | None


class Users(BaseModel):
    """A page of people."""

    items: list[UserDocument]
    next_cursor: str | None


class SecurityEventDocument(BaseModel):
    """A sign of trouble: `subject` is a key or login, `count` how often within an hour."""

    kind: str
    subject: str
    address: str
    count: int
    first_at: datetime
    last_at: datetime
    next_step: str


class SecurityEvents(BaseModel):
    """The latest signs of trouble."""

    items: list[SecurityEventDocument]


class AuditDocument(BaseModel):
    """Who did what."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    digest: str


class AuditLog(BaseModel):
    """A page of the audit log."""

    items: list[AuditDocument]
    next_cursor: str | None


class AuditCheckDocument(BaseModel):
    """Whether the audit log is as it was written; `broken_at` is the first entry that does not fit.

    `problems` says in words what is wrong, a cut tail or changed anchors included; empty where nothing is. `anchored`
    is the number of entries that the file of anchors vouches for.
    """

    entries: int
    broken_at: int | None
    head: str
    problems: list[str]
    anchored: int
    restores: list[str]


class HoldoutDocument(Body):
    """The share of all units that is outside every experiment."""

    share: Annotated[Finite, Field(ge=0, lt=1)]
