"""A closed-loop load generator that costs little: raw asyncio protocols, keep-alive, bytes built beforehand."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run came to. Latencies in milliseconds."""

    per_second: float
    p50: float
    p99: float
    failures: int


class _Caller(asyncio.Protocol):
    """One connection: sends the next request as soon as the last is answered."""

    def __init__(self, next_request: Callable[[], bytes | None], latencies: list[float], done: asyncio.Event) -> None:
        self._next, self._latencies, self._done = next_request, latencies, done
        self._buffer = b""
        self.failures = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop's is no subclass of asyncio's
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(_END_OF_HEAD)
        if head < 0:
            return
        start = self._buffer.lower().find(_LENGTH, 0, head) + len(_LENGTH)
        length = int(self._buffer[start : self._buffer.find(b"\r\n", start)])
        if len(self._buffer) < head + 4 + length:
            return
        self._latencies.append(perf_counter() - self._sent)
        self.failures += not self._buffer.startswith(b"HTTP/1.1 200")
        self._buffer = b""
        self._send()

    def connection_lost(self, _: Exception | None) -> None:
        self._done.set()

    def _send(self) -> None:
        request = self._next()
        if request is None:
            self._transport.close()
            return
        self._sent = perf_counter()
        self._transport.write(request)


async def drive(port: int, concurrency: int, requests: Sequence[bytes]) -> Measured:
    """Send every request once over `concurrency` connections, each connection one after the other."""
    loop = asyncio.get_running_loop()
    pending, latencies = iter(requests), []
    ended = [asyncio.Event() for _ in range(concurrency)]
    began = perf_counter()
    callers = [
        (
            await loop.create_connection(
                lambda done=done: _Caller(lambda: next(pending, None), latencies, done), "127.0.0.1", port
            )
        )[1]
        for done in ended
    ]
    for done in ended:
        await done.wait()
    took = perf_counter() - began
    p50, p99 = np.percentile(latencies, [50, 99]) * 1000
    return Measured(len(latencies) / took, float(p50), float(p99), sum(caller.failures for caller in callers))


def request_bytes(path: str, key: str | None, body: bytes) -> bytes:
    """One HTTP request."""
    head = [
        f"POST {path} HTTP/1.1",
        "host: 127.0.0.1",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    if key is not None:
        head.append(f"authorization: Bearer {key}")
    return "\r\n".join([*head, "", ""]).encode() + body
