"""Where assignments can be pushed to. A new kind is one file and one line in DESTINATIONS.

tests/experiments/delivering/test_destinations.py runs the laws over every entry, against a receiver on this machine.
"""

from experiments.connectors.destinations.braze import BRAZE
from experiments.connectors.destinations.customerio import CUSTOMERIO
from experiments.connectors.destinations.iterable import ITERABLE
from experiments.connectors.destinations.mautic import MAUTIC
from experiments.connectors.destinations.payloads import DestinationKind, Payload
from experiments.connectors.destinations.webhook import WEBHOOK

__all__ = ["DESTINATIONS", "DestinationKind", "Payload"]

DESTINATIONS: dict[str, DestinationKind] = {
    "webhook": WEBHOOK,
    "braze": BRAZE,
    "iterable": ITERABLE,
    "customerio": CUSTOMERIO,
    "mautic": MAUTIC,
}
