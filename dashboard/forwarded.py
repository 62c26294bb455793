"""What a proxy tells of the caller becomes the request's own address, scheme and host; of others it is dropped."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.forwarding import Network, client_of, is_proxy

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_FOR, _SCHEME, _HOST = "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"
_OTHERS = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_BY",
    "HTTP_X_REAL_IP",
)
_HOST_FORM = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")


class Forwarded:
    """WSGI middleware around the application."""

    def __init__(self, app: "WSGIApplication", proxies: Sequence[Network]) -> None:
        self._app = app
        self._proxies = proxies

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> object:
        """One request."""
        told = {name: str(environ.pop(name, "")) for name in (_FOR, _SCHEME, _HOST, *_OTHERS)}
        peer = str(environ.get("REMOTE_ADDR", ""))
        if is_proxy(peer, self._proxies):
            environ["REMOTE_ADDR"] = client_of(peer, told[_FOR], self._proxies)
            scheme, host = _nearest(told[_SCHEME]).lower(), _nearest(told[_HOST])
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
            if _HOST_FORM.fullmatch(host):
                environ["HTTP_HOST"] = host
        return self._app(environ, start_response)


def _nearest(told: str) -> str:
    """Of several values, what the proxy that is connected wrote."""
    return told.rpartition(",")[2].strip()
