"""What every kind of destination is given, and what it says about itself."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from experiments.model.assigned import Assigned


class Payload(NamedTuple):
    """One push. `options` are the destination's own; `at` in microseconds."""

    delivery: int
    number: int
    experiment: str
    at: int
    rows: Sequence[Assigned]
    options: Mapping[str, Any]


Refusals = Mapping[int, str]
"""Place in the payload → why the receiver did not take that row."""


def takes_all(_answer: Any, _payload: Payload) -> Refusals:
    """For receivers that take everything or nothing."""
    return {}


def bearer(secret: str) -> dict[str, str]:
    """`Authorization: Bearer …`."""
    return {"authorization": f"Bearer {secret}"}


def basic(secret: str) -> dict[str, str]:
    """`Authorization: Basic …` of `user:password`."""
    return {"authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}


@dataclass(frozen=True, slots=True)
class DestinationKind:
    """How one kind of receiver is spoken to.

    Attributes:
        path: put behind the destination's URL.
        most: rows that one request may have.
        body: the document of a payload.
        refused: from the receiver's answer, which rows it did not take.
        credential: headers of the credential; None where the signature is all there is.
        options: names of its options → their defaults.
    """

    path: str
    most: int
    body: Callable[[Payload], Any]
    refused: Callable[[Any, Payload], Refusals]
    credential: Callable[[str], dict[str, str]] | None
    options: Mapping[str, str]

    def option(self, payload: Payload, name: str) -> str:
        """An option's value."""
        return str(payload.options.get(name, self.options[name]))


def event_properties(row: Assigned) -> dict[str, Any]:
    """What an event about a row says."""
    told = row.as_json()
    del told["unit_id"]
    return told


def listed(answer: Any, name: str) -> list[Any]:
    """A list in an answer that may be anything."""
    found = answer.get(name) if isinstance(answer, dict) else None
    return found if isinstance(found, list) else []
