"""Calls that survive a restart of the API: every one is safe to repeat, so it is repeated until it is answered."""

import asyncio
from typing import Any

import httpx

from cli.errors import JobError

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0

_AGAIN = {429, 502, 503, 504}


class Calls:
    """The API as a campaign system sees it."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=5.0,
            limits=httpx.Limits(max_connections=8),
        )
        self.interrupted = 0

    async def post(self, path: str, body: Any = None, *, accept: tuple[int, ...] = ()) -> httpx.Response:
        """The answer, of status 2xx or one of `accept`. Raises JobError where the API refuses."""
        pause = FIRST_PAUSE
        while True:
            try:
                response = await self._client.post(path, json=body)
            except httpx.TransportError:
                self.interrupted += 1
            else:
                if response.is_success or response.status_code in accept:
                    return response
                if response.status_code not in _AGAIN:
                    raise JobError(f"POST {path} was answered {response.status_code}: {response.text[:500]}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def get(self, path: str) -> httpx.Response:
        """The answer, whatever its status. Raises httpx.TransportError."""
        return await self._client.get(path)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()
