"""How the application is put behind a socket, the same wherever that is done."""

from functools import partial
from typing import Any

from api.heads import Limits
from api.protocol import GuardedProtocol
from api.refusals import Refusals
from experiments.settings import Settings


def guarded(settings: Settings) -> dict[str, Any]:
    """Arguments for `uvicorn.run` or `uvicorn.Config`: the guarded protocol with the configured limits."""
    limits = Limits(settings.max_header_bytes, settings.max_body_bytes, settings.header_timeout, settings.body_timeout)
    return {
        "http": partial(GuardedProtocol, limits=limits, refusals=Refusals()),
        "ws": "none",
        # Nothing here asks for the caller's address or tells what serves: each costs every reply some microseconds.
        "proxy_headers": False,
        "server_header": False,
    }
