"""Message brokers by URL: one protocol, one file for each kind, one visible dict."""

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from importlib import import_module
from typing import NamedTuple, Protocol

from experiments.errors import BrokerAwayError

MEDIA_TYPE = "application/cloudevents+json"


class Outgoing(NamedTuple):
    """A message to publish. `id` is what redeliveries have in common; messages of one `key` keep their order."""

    id: str
    body: bytes
    key: str = ""
    headers: Mapping[str, str] = {}


class Names(NamedTuple):
    """What an instance calls its part of the broker: `prefix`, the queues that it reads, and those it only fills."""

    prefix: str
    queues: tuple[str, ...]
    kept: tuple[str, ...]
    prefetch: int

    def of(self, channel: str) -> str:
        """The full name of a channel."""
        return f"{self.prefix}.{channel}"


Handler = Callable[[list[bytes]], Awaitable[None]]
"""Takes what has arrived; all of it is acknowledged when it returns, and delivered again where it raises."""


class Broker(Protocol):
    """One connection to a broker. Its methods belong to one event loop."""

    def __init__(self, url: str, names: Names) -> None: ...

    async def start(self, inlets: Mapping[str, Handler]) -> None:
        """Connect, make sure that the queues are there, begin to read. Raises BrokerAwayError."""
        ...

    async def publish(self, channel: str, messages: Sequence[Outgoing]) -> None:
        """Return once the broker has all of them for good. Raises BrokerAwayError; some may have arrived then."""
        ...

    async def take_back(self, channel: str, ids: Set[str]) -> int:
        """Remove messages that nobody has taken yet, by id; how many. 0 where the broker cannot."""
        ...

    async def stop(self) -> None:
        """Let go; what is not acknowledged is delivered again."""
        ...


BROKERS: dict[str, str] = {
    "amqp": "experiments.connectors.brokers_rabbit:RabbitMq",
    "amqps": "experiments.connectors.brokers_rabbit:RabbitMq",
    "nats": "experiments.connectors.brokers_nats:Nats",
    "kafka": "experiments.connectors.brokers_kafka:Kafka",
}
"""URL scheme → class, loaded when it is asked for: each brings a client library of its own."""


def away(url: str, error: Exception) -> BrokerAwayError:
    """That nobody answers, and where; without the URL's password."""
    scheme, _, rest = url.partition("://")
    told = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return BrokerAwayError(f"no broker answers at {scheme}://{rest.rpartition('@')[2]} (WINBACK_BROKER_URL): {told}")


def open_broker(url: str, names: Names) -> Broker:
    """The broker behind a URL; nothing is connected yet. Raises ValueError where nobody knows the scheme."""
    scheme = url.partition("://")[0]
    if scheme not in BROKERS:
        raise ValueError(f"WINBACK_BROKER_URL: {scheme!r} is none of {', '.join(BROKERS)}")
    module, _, name = BROKERS[scheme].partition(":")
    broker: Broker = getattr(import_module(module), name)(url, names)
    return broker
