"""The dashboard's server: waitress, with less of everything that a caller could use up."""

import socket
import time
from collections.abc import Sequence
from typing import Any

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

from experiments.forwarding import Network, is_proxy

THREADS = 8
MOST_HEADERS = 32_768
MOST_BODY = 4_194_304
"""Bytes. A call sends back what its callback reads from the page, whole drafts of campaigns among it."""

MOST_CONNECTIONS, MOST_OF_ONE = 400, 100
"""At once: of everybody, beyond which others wait until one is closed; and of one address that is no proxy's."""

REQUEST_TIME, REST = 30, 60
"""Seconds for a whole request, however it drips in, and between two of them on one connection."""


OPTIONS: dict[str, Any] = {
    "threads": THREADS,
    "ident": None,
    "max_request_header_size": MOST_HEADERS,
    "max_request_body_size": MOST_BODY,
    "connection_limit": MOST_CONNECTIONS,
    "channel_timeout": REST,
    "cleanup_interval": 1,
    "asyncore_use_poll": True,
    # `dashboard.forwarded` judges them.
    "clear_untrusted_proxy_headers": False,
}


class Channel(HTTPChannel):
    """A connection that knows since when a request is incomplete: waitress's own timer begins anew at each byte."""

    def __init__(self, server: "Server", sock: socket.socket, addr: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(server, sock, addr, *arguments, **options)
        self.owing_since: float | None = None
        self.will_close = server.has_enough_of(addr[0])

    def received(self, data: bytes) -> bool:
        """Take what has come."""
        taken = bool(super().received(data))
        self.owing_since = None if self.request is None else self.owing_since or time.time()
        return taken


class Server(TcpWSGIServer):
    """Closes connections on which a request takes too long to come, and those of an address that has many."""

    channel_class = Channel

    def __init__(self, server: Flask, listening: socket.socket, proxies: Sequence[Network] = ()) -> None:
        self._proxies = proxies
        place = (listening.family, listening.type, listening.proto, listening.getsockname())
        adjustments = Adjustments(**OPTIONS)
        super().__init__(server, _sock=listening, adj=adjustments, sockinfo=place, bind_socket=False)

    def has_enough_of(self, address: str) -> bool:
        """Whether this address has as many connections as one may have."""
        number = sum(channel.addr[0] == address for channel in self.active_channels.values())
        return number > MOST_OF_ONE and not is_proxy(address, self._proxies)

    def maintenance(self, now: float) -> None:
        """Once a second."""
        super().maintenance(now)
        for channel in self.active_channels.values():
            late = channel.owing_since is not None and now - channel.owing_since > REQUEST_TIME
            if late and not channel.requests:
                channel.will_close = True
