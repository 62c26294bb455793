"""Push documents to other systems: signed as Standard Webhooks has it, and never into the network that we live in.

A receiver verifies `webhook-signature` over `webhook-id.webhook-timestamp.body` (HMAC-SHA256), refuses timestamps more
than five minutes off, and remembers ids: a push that is tried again has the id that it had.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Thread
from typing import Any, NamedTuple

import httpx

from experiments.connectors.addresses import addresses_of, is_private_host, is_public

VARIABLE = re.compile(r"WINBACK_SECRET_[A-Z0-9_]{1,100}")
"""Variables that may be named as secrets: none of the service's own, and none of the machine's."""

TOLERANCE = 300
"""Seconds that a receiver should let timestamps be off."""

MOST_ANSWER, MOST_SECONDS = 1_048_576, 30.0
_ALLOW = "in a closed network, WINBACK_ALLOW_PRIVATE_WEBHOOKS=true allows it"
_FIXED = {"content-type": "application/json", "accept-encoding": "identity"}
_ODD = re.compile(r"[\s\\\x00-\x1f\x7f]")


class UnsafeTargetError(Exception):
    """The address must not be called from here."""


class MissingSecretError(Exception):
    """A variable that is named as a secret is not set, or holds none."""


class PushAnswer(NamedTuple):
    """What came back. `status` 0: nothing did, and `text` says why; `document` where the body is JSON."""

    status: int
    text: str
    document: Any = None
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver took the document."""
        return 200 <= self.status < 300


def secret_values(variable: str) -> list[str]:
    """The secrets in a variable: several, parted by spaces, while one replaces the other. Raises MissingSecretError."""
    found = os.environ.get(variable, "").split() if VARIABLE.fullmatch(variable) else []
    if not found:
        raise MissingSecretError(f"the environment variable {variable} is not set where the worker runs")
    return found


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,…` of one message. The secret is base64 behind `whsec_`. Raises MissingSecretError where it is neither."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    except binascii.Error as error:
        raise MissingSecretError("a webhook secret is base64 behind whsec_") from error
    if not key:
        raise MissingSecretError("a webhook secret is base64 behind whsec_, and not empty")
    digest = hmac.new(key, b"%s.%d.%s" % (message_id.encode(), timestamp, body), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def signed_headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers; one signature for each secret."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in secrets),
    }


def target_fault(url: str, *, allow_private: bool) -> str | None:
    """Why a URL can be no target, as far as can be told without asking the network."""
    if _ODD.search(url):
        return "must be written without blanks, backslashes and control characters"
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return "is no URL"
    escaped = "%" in parsed.host and ":" not in parsed.host  # behind a colon it is the zone of an address
    if parsed.scheme not in ("http", "https") or not parsed.host or escaped:
        return "must begin with https:// or http:// and name a host"
    if parsed.userinfo:
        return "must not hold a credential: name one in credential_env"
    if not allow_private and is_private_host(parsed.raw_host.decode("ascii")):
        return f"names a private host; {_ALLOW}"
    return None


def leads_astray(url: str, *, seconds: float = 0.5) -> str | None:
    """Why a URL that `target_fault` finds nothing wrong with can be no target, told by where its name leads.

    Where that is not answered in time nothing stands against it: it is asked again before every push.
    """
    found: list[str] = []

    def ask() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(_addresses(httpx.URL(url)))

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return None if all(map(is_public, found)) else f"leads to a private address; {_ALLOW}"


class Sender:
    """Posts documents. It connects to the very address that it checked, so that a name cannot change in between."""

    def __init__(self, *, allow_private: bool, timeout: float = 10.0) -> None:
        self._allow_private = allow_private
        self._timeout = timeout
        self._clients: dict[str, httpx.Client] = {}

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> PushAnswer:
        """What came of one attempt. Raises UnsafeTargetError."""
        fault = target_fault(url, allow_private=self._allow_private)
        if fault is not None:
            raise UnsafeTargetError(f"the URL {fault}")
        target = httpx.URL(url)
        try:
            address = self._address(target)
            http = self._http_of(target.host)
            request = http.build_request(
                "POST",
                target.copy_with(host=address),
                content=body,
                headers={
                    **headers,
                    "host": target.netloc.decode(),
                    "content-type": "application/json",
                    "accept-encoding": "identity",
                },
                extensions={"sni_hostname": target.host},
            )
            response = http.send(request, stream=True)
            try:
                return _answer(response)
            finally:
                response.close()
        except (httpx.HTTPError, OSError) as error:
            return PushAnswer(0, _unanswered(target, error)[:500])

    def close(self) -> None:
        """Let go of connections."""
        for client in self._clients.values():
            client.close()

    def _address(self, target: httpx.URL) -> str:
        addresses = _addresses(target)
        if not self._allow_private and not all(map(is_public, addresses)):
            raise UnsafeTargetError(f"{target.host} leads to a private address; {_ALLOW}")
        return addresses[0]

    def _http_of(self, host: str) -> httpx.Client:
        """Connections of one host: nothing for another must go over what was proven to be this one."""
        if host not in self._clients:
            self._clients[host] = httpx.Client(timeout=self._timeout, follow_redirects=False, trust_env=False)
        return self._clients[host]


def _addresses(target: httpx.URL) -> list[str]:
    return addresses_of(target.host, target.port or (443 if target.scheme == "https" else 80))


def _unanswered(target: httpx.URL, error: Exception) -> str:
    """What kept an answer from coming, as a person would say it."""
    place = target.netloc.decode()
    if isinstance(error, socket.gaierror):
        return f"{target.host} has no address: correct the destination's url if this stays ({error.strerror})"
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return f"{place} cannot be reached: {str(error) or 'no connection in time'}"
    if isinstance(error, httpx.TimeoutException):
        return f"{place} did not answer in time"
    return f"{place} broke off: {str(error) or type(error).__name__}"


def _answer(response: httpx.Response) -> PushAnswer:
    """What of an answer is read: no more than a megabyte, and no longer than MOST_SECONDS, however slowly it drips."""
    body, began = bytearray(), time.monotonic()
    for part in response.iter_raw():
        body += part
        if len(body) > MOST_ANSWER or time.monotonic() - began > MOST_SECONDS:
            break
    text = bytes(body[:MOST_ANSWER]).decode("utf-8", "replace")
    document = None
    if "json" in response.headers.get("content-type", ""):
        try:
            document = httpx.Response(200, content=bytes(body)).json()
        except ValueError:
            document = None
    return PushAnswer(response.status_code, text[:500], document, _retry_after(response))


def _retry_after(response: httpx.Response) -> float | None:
    written = response.headers.get("retry-after", "").strip()
    return min(float(written), 86_400.0) if written.isdigit() else None
