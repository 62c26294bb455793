"""The stream of outcomes: many messages, one commit, through the same intake as the outcomes of HTTP."""

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Engine

from experiments.errors import Fault
from experiments.ingestion.envelope import MOST_ROWS, Envelope
from experiments.ingestion.taking import Refused, decoded_rows, refused_row
from experiments.services.recording.intake import Intake
from experiments.services.recording.messages import Outcome
from experiments.services.recording.reading import Report, read_outcome

AT_ONCE = 1000
"""Outcomes of one commit: SQLite's one writer is held for about 15 ms."""

_one = msgspec.json.Decoder(Outcome)
_many = msgspec.json.Decoder(list[Outcome])
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


class OutcomeTaker:
    """See Taker. Exactly once by (source, event_id), whatever is delivered again.

    An outcome without a source has its message's; a message of one outcome gives it its id where it has none.
    """

    kind = "outcome"

    def __init__(self, engine: Engine) -> None:
        self._intake = Intake(engine)

    def take(self, envelopes: Sequence[Envelope]) -> list[Refused]:
        """See Taker."""
        reports: list[Report] = []
        refused: list[Refused] = []
        for envelope in envelopes:
            for found in _read(envelope):
                if isinstance(found, Report):
                    reports.append(found)
                else:
                    refused.append(found)
        for start in range(0, len(reports), AT_ONCE):
            self._intake.take(reports[start : start + AT_ONCE])
        return refused


def _read(envelope: Envelope) -> Iterator[Report | Refused]:
    """The fast way where every row is good, which nearly all are; else row by row."""
    try:
        outcomes = [_one.decode(envelope.data)] if envelope.single else _many.decode(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        outcomes = []
    if not 0 < len(outcomes) <= MOST_ROWS:
        yield from _read_rows(envelope)
        return
    for place, outcome in enumerate(outcomes):
        yield _report(envelope, outcome, place)


def _read_rows(envelope: Envelope) -> Iterator[Report | Refused]:
    good, bad = decoded_rows(_one, OutcomeTaker.kind, _named(envelope))
    for outcome, _, place in good:
        yield _report(envelope, outcome, place)
    yield from bad


def _named(envelope: Envelope) -> Envelope:
    """The message with its id as that of its one outcome, which has none."""
    if not envelope.single or not envelope.id:
        return envelope
    try:
        members = _members.decode(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return envelope
    if "event_id" in members:
        return envelope
    return envelope._replace(data=_encode({**members, "event_id": envelope.id}))


def _report(envelope: Envelope, outcome: Outcome, place: int) -> Report | Refused:
    outcome.source = outcome.source or envelope.source
    read = read_outcome(outcome)
    if isinstance(read, Report):
        return read
    return refused_row(OutcomeTaker.kind, envelope, place, _encode(outcome), _sentence(read))


def _sentence(faults: Sequence[Fault]) -> str:
    return "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults)
