"""How a client behaves; the defaults suit a caller that a user waits for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from winback_client.fallbacks import FallbackMemory
from winback_client.retrying import Retrying


@dataclass(frozen=True)
class Options:
    """Choices of a client.

    Attributes:
        control: the arm to answer when the service is away, for every experiment or by experiment (`nothing` where
            one is not listed).
        payloads: by experiment, the payload that comes with it.
        timeout: seconds for one attempt.
        retrying: how often and how long.
        rest: seconds during which, after a call that got no answer, decisions fall back without asking again.
        memory: where fallbacks wait to be reported.
    """

    control: str | Mapping[str, str] = "nothing"
    payloads: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    timeout: float = 1.0
    retrying: Retrying = field(default_factory=Retrying)
    rest: float = 1.0
    memory: FallbackMemory = field(default_factory=FallbackMemory)

    def control_of(self, experiment: str) -> str:
        """The arm to fall back to."""
        return self.control if isinstance(self.control, str) else self.control.get(experiment, "nothing")
