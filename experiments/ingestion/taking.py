"""What every stream's taker has in common: messages in, refusals out, rows read one by one where one is bad."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

import msgspec
from sqlalchemy import Engine

from experiments.ingestion.envelope import Envelope, MalformedError, rows_of, sealed

Row = TypeVar("Row")


class Refused(NamedTuple):
    """A message, or a row in an envelope of its own, that cannot be taken, and why."""

    body: bytes
    reason: str


class Taker(Protocol):
    """Takes the messages of one stream; `kind` is what their envelopes call a row."""

    kind: str

    def __init__(self, engine: Engine) -> None: ...

    def take(self, envelopes: Sequence[Envelope]) -> list[Refused]:
        """Commit what is well-formed; what is not. Raises UnavailableError, with nothing or a part committed."""
        ...


class Read(NamedTuple):
    """A well-formed row and where it stood."""

    value: object
    envelope: Envelope
    place: int


def refused_row(kind: str, envelope: Envelope, place: int, row: bytes, reason: str) -> Refused:
    """A row that is refused alone; a message of one row stays as it came, so that a replay sends what was sent."""
    if envelope.single:
        return Refused(envelope.body, reason)
    return Refused(sealed(kind, f"{envelope.id}#{place}", envelope.source, row), f"row {place}: {reason}")


def decoded_rows(
    decoder: "msgspec.json.Decoder[Row]", kind: str, envelope: Envelope
) -> tuple[list[tuple[Row, bytes, int]], list[Refused]]:
    """The rows that have the right shape, with their JSON and their places; the others."""
    good: list[tuple[Row, bytes, int]] = []
    bad: list[Refused] = []
    try:
        rows = rows_of(envelope)
    except MalformedError as error:
        return [], [Refused(envelope.body, str(error))]
    for place, row in enumerate(rows):
        try:
            good.append((decoder.decode(row), row, place))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            bad.append(refused_row(kind, envelope, place, row, str(error)))
    return good, bad
