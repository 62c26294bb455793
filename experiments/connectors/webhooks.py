"""Push documents to other systems: signed as Standard Webhooks has it, and never into the network that we live in.

A receiver verifies `webhook-signature` over `webhook-id.webhook-timestamp.body` (HMAC-SHA256), refuses timestamps more
than five minutes off, and remembers ids: a push that is tried again has the id that it had.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import httpx

VARIABLE = re.compile(r"WINBACK_SECRET_[A-Z0-9_]{1,100}")
"""Variables that may be named as secrets: none of the service's own, and none of the machine's."""

TOLERANCE = 300
"""Seconds that a receiver should let timestamps be off."""

MOST_ANSWER = 1_048_576
_ALLOW = "in a closed network, WINBACK_ALLOW_PRIVATE_WEBHOOKS=true allows it"
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return "is no URL"
    if parsed.scheme not in ("http", "https") or not parsed.host:
        return "must begin with https:// or http:// and name a host"
    if parsed.userinfo:
        return "must not hold a credential: name one in credential_env"
    return None if allow_private else _private_fault(parsed.host)


class Sender:
    """Posts documents. It connects to the very address that it checked, so that a name cannot change in between."""

    def __init__(self, *, allow_private: bool, timeout: float = 10.0) -> None:
        self._allow_private = allow_private
        self._http = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> PushAnswer:
        """What came of one attempt. Raises UnsafeTargetError."""
        fault = target_fault(url, allow_private=self._allow_private)
        if fault is not None:
            raise UnsafeTargetError(f"the URL {fault}")
        target = httpx.URL(url)
        try:
            address = self._address(target)
            request = self._http.build_request(
                "POST",
                target.copy_with(host=address),
                content=body,
                headers={**headers, "host": target.netloc.decode(), "content-type": "application/json"},
                extensions={"sni_hostname": target.host},
            )
            response = self._http.send(request, stream=True)
            try:
                return _answer(response)
            finally:
                response.close()
        except (httpx.HTTPError, OSError) as error:
            return PushAnswer(0, _unanswered(target, error)[:500])

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _address(self, target: httpx.URL) -> str:
        port = target.port or (443 if target.scheme == "https" else 80)
        found = socket.getaddrinfo(target.host, port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
        if not self._allow_private and not all(_is_public(ipaddress.ip_address(each)) for each in addresses):
            raise UnsafeTargetError(f"{target.host} leads to a private address; {_ALLOW}")
        return addresses[0]


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


def _private_fault(host: str) -> str | None:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return f"names a private host; {_ALLOW}"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return None if _is_public(address) else f"names a private address; {_ALLOW}"


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast


def _answer(response: httpx.Response) -> PushAnswer:
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > MOST_ANSWER:
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
