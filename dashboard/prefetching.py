"""What a browser is about to ask for is read while it still loads scripts, or is still told of a changed filter.

Nothing is kept but what `data.shared` remembers for seconds anyway; who may not read gets nothing read.
"""

from concurrent.futures import Future, ThreadPoolExecutor

import flask
import structlog
from flask import Flask

from dashboard.callbacks import Callbacks
from dashboard.filters import Filters
from dashboard.page import Page, View
from dashboard.sections import draw
from experiments.errors import WinbackError

_log = structlog.get_logger("winback.dashboard")


class PendingFacts:
    """Draws pages ahead, one at a time; who comes while it is at work is not waited for."""

    def __init__(self, pages: dict[str, Page]) -> None:
        self._pages = {page.path: page for page in pages.values()}
        self._thread = ThreadPoolExecutor(1, "foresight")
        self._last: Future[None] | None = None

    def of(self, path: str, view: View) -> None:
        """Begin with the sections of the page at this path, if there is one and nothing else is under way."""
        page = self._pages.get(path)
        idle = self._last is None or self._last.done()
        if page is not None and view.who.may(page.needs) and idle:
            self._last = self._thread.submit(self._draw, page, view)

    def close(self) -> None:
        """Wait for what is under way; nothing is prefetched from now on."""
        self._thread.shutdown()

    def _draw(self, page: Page, view: View) -> None:
        try:
            for section in page.sections:
                draw(page, section, view)
        except WinbackError as error:
            _log.info("not prefetched", page=page.path, error=str(error))


def install_foresight(server: Flask, callbacks: Callbacks, foresight: PendingFacts) -> None:
    """Foresee the sections of a page that is opened; `server.extensions` has it as "foresight", to be closed."""
    server.extensions["foresight"] = foresight

    @server.after_request
    def opened(response: flask.Response) -> flask.Response:
        request = flask.request
        if request.method == "GET" and response.status_code == 200 and response.mimetype == "text/html":
            try:
                who = callbacks.who()
            except WinbackError:  # the sign-in page
                return response
            foresight.of(request.path, View(who, Filters.parse(request.query_string.decode())))
        return response
