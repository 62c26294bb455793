"""Both clients behind one face, over a scripted transport or the real service."""

import asyncio
from typing import Any

import httpx
import pytest

from winback_client import AsyncClient, Client


class Waiting:
    """An AsyncClient whose calls are waited for, so that one test serves both clients."""

    def __init__(self, client: AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client, self._loop = client, loop
        self.options = client.options

    def __getattr__(self, name: str) -> Any:
        return lambda *given, **named: self._loop.run_until_complete(getattr(self._client, name)(*given, **named))


@pytest.fixture(params=["sync", "async"])
def make(request):
    """Build a client of either kind: `make(url, key, options, handler)`."""
    loop, made = asyncio.new_event_loop(), []

    def build(url="http://winback", key="k", options=None, handler=None):
        transport = None if handler is None else httpx.MockTransport(handler)
        if request.param == "sync":
            client = Client(url, key, options, transport)
        else:
            client = Waiting(AsyncClient(url, key, options, transport), loop)
        made.append(client)
        return client

    yield build
    for client in made:
        client.close()
    loop.close()
