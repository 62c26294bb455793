"""The streams that are read. A new one is one file with a Taker and one line in STREAMS."""

from collections.abc import Callable

from sqlalchemy import Engine

from experiments.connectors.brokers import Broker, Names, open_broker
from experiments.errors import UnavailableError
from experiments.ingestion.catalogue import CatalogueTaker
from experiments.ingestion.outcomes import OutcomeTaker
from experiments.ingestion.profiles import ProfileTaker
from experiments.ingestion.taking import Taker
from experiments.settings import Settings

STREAMS: dict[str, Callable[[Engine], Taker]] = {
    "outcomes": OutcomeTaker,
    "profiles": ProfileTaker,
    "catalogue": CatalogueTaker,
}
"""What a queue is called after the prefix → what takes its messages."""

DEAD_LETTERS = "dead-letters"


def broker_of(settings: Settings) -> Broker:
    """The configured broker, not connected yet. Raises UnavailableError where none is, ValueError (see open_broker)."""
    if settings.broker_url is None:
        raise UnavailableError("no broker is configured; set WINBACK_BROKER_URL, e.g. amqp://user:password@host:5672/")
    names = Names(settings.broker_prefix, tuple(STREAMS), (DEAD_LETTERS,), settings.broker_prefetch)
    return open_broker(settings.broker_url, names)
