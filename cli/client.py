"""The HTTP API as commands call it: every answer is a document, every refusal an error that says why."""

import time
from typing import Any

import httpx
import msgspec

from cli.errors import CallError, JobError

PATIENCE = 30.0
"""Seconds for which an answer of 503 or 429, or none at all, is tried again; every call made here may be repeated."""

_AGAIN = {429, 502, 503, 504}


class Client:
    """A connection to one service. Use it as a context manager."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=30.0)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **parameters: str) -> Any:
        """The document at a path. Raises CallError (4xx), JobError (5xx, unreachable)."""
        return self._document("GET", path, None, parameters)

    def post(self, path: str, body: Any = None) -> Any:
        """The answer to a body. Raises CallError (4xx), JobError (5xx, unreachable)."""
        return self._document("POST", path, msgspec.json.encode(body), {})

    def _document(self, method: str, path: str, body: bytes | None, parameters: dict[str, str]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            response = self._once(method, path, body, parameters)
            if response is not None and response.status_code not in _AGAIN:
                return _answer(method, path, response)
            if time.monotonic() > deadline:
                got = "no answer" if response is None else f"status {response.status_code}"
                raise JobError(f"{method} {self.url}{path}: {got} for {PATIENCE:g} s; is the service running there?")
            time.sleep(0.1)

    def _once(self, method: str, path: str, body: bytes | None, parameters: dict[str, str]) -> httpx.Response | None:
        headers = {"Content-Type": "application/json"}
        try:
            return self._http.request(method, path, content=body, params=parameters, headers=headers)
        except httpx.ConnectError as error:
            raise JobError(f"nothing answers at {self.url} ({error}); start it with: winback run") from error
        except httpx.TransportError:
            return None


def _answer(method: str, path: str, response: httpx.Response) -> Any:
    if response.is_success:
        return msgspec.json.decode(response.content) if response.content else None
    problem = _problem(response)
    faults = "".join(f"\n  {fault['pointer'] or '/'}: {fault['detail']}" for fault in problem.get("errors", ()))
    message = f"{method} {path} was answered {response.status_code}: {problem.get('detail', '')}{faults}"
    raise (CallError if response.is_client_error else JobError)(message)


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return {"detail": response.text[:500]}
    return document if isinstance(document, dict) else {"detail": response.text[:500]}
