"""Winback client: what callers import; it depends on nothing else of this project, only on httpx.

`Client` blocks, `AsyncClient` awaits; both ask the same and answer the same. When the service is away they answer the
control arm with `fallback` set, remember it, and report it later so that readouts can leave it out.
"""

from winback_client.answers import Assignment, Decision, Outcome, Recorded, Voided
from winback_client.asynchronous import AsyncClient
from winback_client.errors import AwayError, ClientError, RefusedError
from winback_client.fallbacks import FallbackMemory
from winback_client.options import Options
from winback_client.retrying import Retrying
from winback_client.synchronous import Client

__all__ = [
    "Assignment",
    "AsyncClient",
    "AwayError",
    "Client",
    "ClientError",
    "Decision",
    "FallbackMemory",
    "Options",
    "Outcome",
    "Recorded",
    "RefusedError",
    "Retrying",
    "Voided",
]
