"""What is shipped is compressed; what never changes is kept by browsers for a year, the rest is not sent twice."""

import gzip
from functools import lru_cache

import flask
from dash import dash_table
from flask import Flask, Response

KINDS = frozenset(
    {"application/javascript", "application/json", "image/svg+xml", "text/css", "text/html", "text/javascript"}
)
LEAST = 1_000
"""Bytes below which compressing saves no packet."""

YEAR = 31_536_000
SUITES = "/_dash-component-suites/"
FILES = (SUITES, "/assets/")
"""Where what is asked for is the same each time."""

OFTEN, ONCE = 1, 6
"""Levels of compression: of answers to callbacks, and of files that are compressed once."""


def install_compression(server: Flask) -> None:
    """Compress answers for whoever takes gzip, and let browsers keep the files whose address names their version."""

    @server.after_request
    def ship(response: Response) -> Response:
        request = flask.request
        if _lasting(request, response):
            response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
        if response.status_code == 200 and response.mimetype in KINDS and not response.content_encoding:
            response.vary.add("Accept-Encoding")
            _weaken_tag(response)
            response.make_conditional(request)
            if response.status_code == 200 and request.accept_encodings["gzip"]:
                _compress(response, request.path.startswith(FILES))
        return response


def _weaken_tag(response: Response) -> None:
    """The same tag for a file compressed or not. Dash itself would find no such tag in what a browser sends back."""
    tag, _ = response.get_etag()
    if tag is not None:
        response.set_etag(tag, weak=True)


def ship_no_tables() -> None:
    """Dash sends its old table's script with every page, whether there is one or not."""
    dash_table._js_dist.clear()  # type: ignore[attr-defined]  # Dash has no public way to leave a script out


def _lasting(request: flask.Request, response: Response) -> bool:
    """Whether the address changes with the content: Dash's fingerprints, and the times of changes of our assets."""
    if response.status_code != 200:
        return False
    if request.path.startswith("/assets/"):
        return "m" in request.args
    return request.path.startswith(SUITES) and response.cache_control.max_age is not None


def _compress(response: Response, once: bool) -> None:
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) < LEAST:
        return
    response.set_data(_compressed_once(body) if once else gzip.compress(body, OFTEN, mtime=0))
    response.content_encoding = "gzip"


@lru_cache(maxsize=64)
def _compressed_once(body: bytes) -> bytes:
    return gzip.compress(body, ONCE, mtime=0)
