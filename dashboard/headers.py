"""What browsers are told to forbid: scripts from elsewhere or inline, frames, guesses, and keeping what people saw.

The policies are those of CSP Level 3. Of inline scripts only those run whose hash is known at the start: Dash's, which
draw the page, and Mantine's, which chooses light or dark before anything is drawn.
"""

import base64
import hashlib
import re

import flask
from dash import Dash, hooks
from flask import Flask, Response

from dashboard.compression import YEAR

HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_ALL = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "img-src": "'self'",
    "style-src": "'self'",
}
PLAIN_POLICY = "; ".join(f"{name} {value}" for name, value in _ALL.items())
"""Of pages without scripts, and of everything that is no page."""


def install_headers(server: Flask, page_policy: str) -> None:
    """Add the headers to every answer that has none of its own; `page_policy` to pages that Dash draws."""

    @server.after_request
    def safe(response: Response) -> Response:
        drawn = response.mimetype == "text/html" and "Content-Security-Policy" not in response.headers
        response.headers.setdefault("Content-Security-Policy", page_policy if drawn else PLAIN_POLICY)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if flask.request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}")
        return response


def policy_of(app: Dash) -> str:
    """The policy of the pages that this application draws. Call it when every callback is registered.

    Styles may be inline: Mantine, Plotly and AG Grid write theirs while they draw. Charts are saved as data:.
    """
    script = " ".join(["'self'", *app.csp_hashes(), *_hashes_of(app.index_string)])
    own = {
        "connect-src": "'self'",
        "font-src": "'self' data:",
        "img-src": "'self' data: blob:",
        "script-src": script,
        "style-src": "'self' 'unsafe-inline'",
    }
    return "; ".join(f"{name} {value}" for name, value in {**_ALL, **own}.items())


def _hashes_of(index: str) -> list[str]:
    """Of the inline scripts that the hooks of components add to the page."""
    for hook in hooks.get_hooks("index"):
        index = hook(index)
    digests = (hashlib.sha256(script.encode()).digest() for script in _SCRIPT.findall(index))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
