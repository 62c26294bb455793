"""Bodies and answers of Segment's tracking calls, and of the table that maps them."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from pydantic import Field

from api.schemas.bodies import Body

_Loose = dict[str, Any]


class Tracked(Struct):
    """What Segment answers to every call that it could read."""

    success: bool = True


class TrackingCallBody(Struct, rename="camel"):
    """One call, in Segment's spelling. Fields that are not listed are taken and ignored."""

    user_id: Annotated[str, Meta(description="or anonymousId")] | None = None
    anonymous_id: str | None = None
    event: Annotated[str, Meta(description="of a track call: its name")] | None = None
    properties: _Loose | None = None
    traits: Annotated[_Loose, Meta(description="of an identify call: merged into the profile")] | None = None
    message_id: Annotated[str, Meta(description="what makes the call unique")] | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    context: _Loose | None = None
    integrations: _Loose | None = None
    write_key: Annotated[str, Meta(description="an API key, where no header has one")] | None = None


class TrackingBatchBody(Struct, rename="camel"):
    """Many calls, each with its `type`."""

    batch: list[_Loose]
    sent_at: str | None = None
    context: _Loose | None = None
    write_key: str | None = None


class RuleDocument(Body):
    """One outcome that an event becomes. With `value`, only where one of these properties holds a number."""

    kind: Annotated[str, Field(max_length=64)]
    value: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=10)] = Field([])


Rules = Annotated[list[RuleDocument], Field(max_length=100)]


class TrackingDocument(Body):
    """Which outcomes Segment's calls become."""

    events: dict[Annotated[str, Field(min_length=1, max_length=200)], Rules] = Field(max_length=1000)
    page: Rules = Field([])
    screen: Rules = Field([])
    unmapped: Literal["keep", "drop"] = "keep"
