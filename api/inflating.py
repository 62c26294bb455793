"""Bodies that come compressed by gzip, as the clients of Segment and RudderStack send them.

A thousandth of a body's size can unfold into all of it, so no more is unfolded than a body may have.
"""

import zlib

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from api.refusals import too_large

_GZIP = 31
"""zlib's name for gzip with its largest window."""
_KNOWN = (b"gzip", b"x-gzip")


def inflated(receive: Receive, encoding: bytes, limit: int) -> Receive:
    """A `receive` that gives the body as it was before it was encoded, or raises HTTPException (400, 413, 415)."""
    if encoding.strip().lower() == b"identity":
        return receive
    inflater, left = zlib.decompressobj(_GZIP), limit

    async def receive_inflated() -> Message:
        nonlocal left
        if encoding.strip().lower() not in _KNOWN:
            raise HTTPException(415, "the body is encoded by other means than gzip", {"Accept-Encoding": "gzip"})
        message = await receive()
        if message["type"] != "http.request":
            return message
        body = _unfolded(inflater, message.get("body", b""), left + 1)
        left -= len(body)
        if left < 0:
            raise HTTPException(413, too_large(limit))
        if not message.get("more_body", False) and not inflater.eof:
            raise HTTPException(400, "the body is said to be gzip and ends before it is complete")
        return {**message, "body": body}

    return receive_inflated


def _unfolded(inflater: "zlib._Decompress", part: bytes, most: int) -> bytes:
    try:
        body = inflater.decompress(part, most)
    except zlib.error as error:
        raise HTTPException(400, f"the body is said to be gzip and is not: {error}") from error
    if inflater.unused_data:
        raise HTTPException(400, "the body is said to be gzip and goes on after its end")
    return body
