"""A caller that writes bytes to a socket, whatever HTTP says about it."""

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

PATIENCE = 60.0


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document that it must be."""
        assert self.headers["content-type"] == "application/problem+json"
        document = json.loads(self.body)
        assert document["status"] == self.status
        assert document["detail"]
        return document


class Caller:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> bool:
        """Send the parts one after the other; whether all of it was taken before the connection closed."""
        try:
            for part in parts:
                self.socket.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def answer(self) -> Answer | None:
        """The next answer; None where the connection closes first."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                assert not self._buffer
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers.get("content-length", 0))
        while len(self._buffer) < length:
            assert self._more()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Answer(int(first.split(" ")[1]), headers, body)

    def is_closed(self) -> bool:
        """Whether nothing more comes. Waits for the end."""
        return self.answer() is None

    def _more(self) -> bool:
        try:
            received = self.socket.recv(65_536)
        except ConnectionResetError:
            received = b""
        self._buffer += received
        return bool(received)


def refused(port: int, *parts: bytes) -> Answer:
    """The answer to a request that is refused, after which the connection must close."""
    with Caller(port) as caller:
        caller.send(*parts)
        answer = caller.answer()
        assert answer is not None
        assert answer.headers["connection"] == "close"
        assert caller.is_closed()
    return answer


def post(body: bytes, path: str = "/", headers: Iterable[bytes] = ()) -> bytes:
    """A request with a body."""
    head = [b"POST " + path.encode() + b" HTTP/1.1", b"host: x", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join([*head, b"", body])


def chunked(chunks: Iterable[bytes], path: str = "/", trailer: bytes = b"") -> bytes:
    """The same in chunks."""
    head = b"POST " + path.encode() + b" HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailer + b"\r\n"


def in_pieces(whole: bytes, size: int) -> list[bytes]:
    """Packets."""
    return [whole[start : start + size] for start in range(0, len(whole), size)]
