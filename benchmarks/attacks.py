"""What a hostile caller sends to the API over a socket, and how it must be answered."""

import gzip
import json
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

PATIENCE = 120.0
MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Attack:
    """A request. `write` is given an API key and yields its parts; the answer has one of these statuses."""

    name: str
    write: Callable[[bytes], Iterable[bytes]]
    statuses: frozenset[int]


def header(size: int) -> Attack:
    """One header of some size."""

    def write(_: bytes) -> Iterator[bytes]:
        yield b"GET /v1/experiments HTTP/1.1\r\nhost: x\r\nx: "
        yield from _filler(size)
        yield b"\r\n\r\n"

    return Attack(f"a header of {size:,} bytes", write, frozenset({401} if size <= 30_000 else {431}))


def headers(count: int) -> Attack:
    """Many small headers."""

    def write(_: bytes) -> Iterator[bytes]:
        lines = b"".join(b"x%d: 1\r\n" % n for n in range(count))
        yield b"GET / HTTP/1.1\r\n"
        yield lines
        yield b"\r\n"

    return Attack(f"{count:,} headers", write, frozenset({431}))


def address(size: int) -> Attack:
    """A long address."""
    return Attack(
        f"an address of {size:,} bytes", lambda _: [b"GET /", b"a" * size, b" HTTP/1.1\r\n\r\n"], frozenset({414})
    )


def announced(size: int, path: str) -> Attack:
    """A body of a declared length, without a key."""

    def write(_: bytes) -> Iterator[bytes]:
        yield _head("POST", path, b"content-length: %d" % size)
        yield from _filler(size)

    return Attack(f"a body of {size:,} bytes to {path}", write, frozenset({413}))


def endless(size: int, path: str) -> Attack:
    """A body in chunks, without a key."""

    def write(_: bytes) -> Iterator[bytes]:
        yield _head("POST", path, b"transfer-encoding: chunked")
        for part in _filler(size):
            yield b"%x\r\n%b\r\n" % (len(part), part)
        yield b"0\r\n\r\n"

    return Attack(f"a body of {size:,} bytes in chunks to {path}", write, frozenset({401, 404, 413}))


def bomb(unfolded: int) -> Attack:
    """Gzip that unfolds a thousandfold."""

    def write(key: bytes) -> Iterator[bytes]:
        body = gzip.compress(b" " * unfolded, 9)
        yield _with_key(key, "PUT", "/v1/units/u", b"content-length: %d\r\ncontent-encoding: gzip" % len(body))
        yield body

    return Attack(f"gzip that unfolds to {unfolded:,} bytes", write, frozenset({413}))


def document(name: str, call: str, make: Callable[[], object], *statuses: int) -> Attack:
    """JSON from somebody who holds a key, made when it is sent."""
    method, path = call.split()

    def write(key: bytes) -> Iterator[bytes]:
        made = make()
        body = made if isinstance(made, bytes) else _json(made)
        yield _with_key(key, method, path, b"content-type: application/json\r\ncontent-length: %d" % len(body))
        yield body

    return Attack(name, write, frozenset(statuses))


def wide(count: int, value: object) -> dict[str, object]:
    """An object of many members."""
    return {f"k{n:05d}": value for n in range(count)}


def documents(experiment: str) -> list[Attack]:
    """Deep and wide JSON within the limit of bodies."""
    path = f"/v1/experiments/{experiment}/assignments"
    one, rows = f"POST {path}", f"POST {path}/batch"
    digits = b'{"unit_id":"u","context":{"a":' + b"9" * 900_000 + b"}}"
    nested = b'{"profile":{"a":' + b"[" * 500 + b"]" * 500 + b"}}"
    return [
        document("80,000 context keys", one, lambda: {"unit_id": "u", "context": wide(80_000, 1)}, 422),
        document("70,000 faulty context keys", one, lambda: {"unit_id": "u", "context": wide(70_000, [1])}, 422),
        document("60,000 unknown members", one, lambda: {"unit_id": "u", **wide(60_000, 1)}, 422),
        document("1,000 rows of 60 faults", rows, _faulty_rows, 200),
        document("400,000 rows", rows, lambda: b"[" + b"0," * 400_000 + b"0]", 413),
        document("nesting of 400,000", one, lambda: b"[" * 400_000 + b"]" * 400_000, 422),
        document("nesting of 500", "PUT /v1/units/u", lambda: nested, 422),
        document("an experiment of 60,000 members", "POST /v1/experiments", lambda: wide(60_000, 1), 422),
        document("an experiment of 28,000 faults", "POST /v1/experiments", _faulty_experiment, 422),
        document("a number of 900,000 digits", one, lambda: digits, 422),
    ]


def _faulty_rows() -> object:
    return [{"unit_id": f"u{n}", "context": wide(60, [1])} for n in range(1_000)]


def _faulty_experiment() -> object:
    arms = [{"key": f"a{n}", "attributes": wide(400, {})} for n in range(70)]
    return {"key": "wide", "arms": arms, "variants": [{"key": "v", "share": 1, "policy": {"name": "uniform"}}]}


def attack(port: int, wanted: Attack, key: bytes) -> int:
    """Send it, as far as it is taken, and read to the end of the connection; the status of the answer."""
    parts = iter(wanted.write(key))
    first = next(parts)  # what takes long to make is made before the service waits for it
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as caller:
        try:
            for part in chain([first], parts):
                caller.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what was refused need not be read
        return int(_first_line(caller).split(b" ")[1])


def half_sent(port: int, begun: bytes) -> socket.socket:
    """A connection on which something was begun."""
    caller = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    caller.sendall(begun)
    return caller


def status_of(caller: socket.socket) -> int:
    """The status of the answer that a connection ends with."""
    return int(_first_line(caller).split(b" ")[1])


def _first_line(caller: socket.socket) -> bytes:
    """The first line of the answer. Waits for its end, which is that of the connection where it says so."""
    received = b""
    while b"\r\n\r\n" not in received or b"connection: close" in received.lower():
        try:
            part = caller.recv(65_536)
        except ConnectionResetError:
            part = b""
        if not part:
            break
        received += part
    return received.partition(b"\r\n")[0]


def _filler(size: int) -> Iterator[bytes]:
    whole = b"a" * MEGABYTE
    for start in range(0, size, MEGABYTE):
        yield whole[: min(MEGABYTE, size - start)]


def _head(method: str, path: str, *lines: bytes) -> bytes:
    return b"\r\n".join([f"{method} {path} HTTP/1.1\r\nhost: x".encode(), *lines, b"", b""])


def _with_key(key: bytes, method: str, path: str, *lines: bytes) -> bytes:
    return _head(method, path, b"authorization: Bearer " + key, *lines)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
