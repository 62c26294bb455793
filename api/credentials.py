"""Keys that come in other places than `Authorization: Bearer`, because a protocol's clients send them there."""

import base64
import binascii

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

_AUTHORIZATION = b"authorization"


class _WriteKey(msgspec.Struct, rename="camel"):
    """What of a body tells who sends it."""

    write_key: str | None = None


_write_key = msgspec.json.Decoder(_WriteKey).decode


def header_of(scope: Scope, name: bytes) -> bytes | None:
    """The value of a header."""
    for found, value in scope["headers"]:
        if found == name:
            return bytes(value)
    return None


def with_bearer(scope: Scope, key: str) -> Scope:
    """The same request with the key where everything else looks for it."""
    others = [(name, value) for name, value in scope["headers"] if name != _AUTHORIZATION]
    return {**scope, "headers": [*others, (_AUTHORIZATION, b"Bearer " + key.encode("latin-1", "replace"))]}


def basic_user(header: bytes | None) -> str | None:
    """The user name of `Basic …`; None where the header is none of that."""
    scheme, _, encoded = (header or b"").partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[0]


def key_in_body(body: bytes) -> str | None:
    """The `writeKey` of a body; None where it has none or is no JSON."""
    try:
        return _write_key(body).write_key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


async def read_whole(receive: Receive) -> bytes:
    """The body. Its size is limited at the edge. Raises ClientDisconnect where it ends before it is complete."""
    message = await receive()
    parts = [message.get("body", b"")]
    while message.get("more_body", False):
        message = await receive()
        parts.append(message.get("body", b""))
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)


def read_before(body: bytes) -> Receive:
    """A `receive` that gives a body once more."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
