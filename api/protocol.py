"""HTTP as the API process speaks it: what a caller may send and how long that may take, before anything reads it.

uvicorn's own protocol joins a head of any size piece by piece (which costs the square of its size and stalls every
other caller), reads bodies to their end whoever sends them, and waits for ever for what was begun. Here the bytes of a
head are counted as the parser gets them, a body is refused by its declared length or as soon as it has grown too large,
and a timer runs whenever a caller owes something. What is refused is answered by a problem document once what came
before it on the connection is answered; then the connection closes.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.heads import Limits, Refusal, fault_of_head, head_too_large, is_too_large
from api.refusals import Refusals, answer_bytes, too_large

MOST_UNANSWERED = 100
"""Requests of one connection at once. HTTP lets callers send the next before the last is answered."""
LEAST_BODY_RATE = 8_192
"""Bytes a second that a body must come at on the whole, after the time that every body has."""
SEND_SECONDS = 120.0
"""How long an answer may lie untaken."""
_LINGER_SECONDS, _LINGER_BYTES = 2.0, 1_048_576
"""How long, and for how much, the rest of a refused request is let go by: closing over it could destroy the answer."""
_PIECE = 32_768
_BETWEEN, _HEAD, _BODY = range(3)


class _StoppedError(Exception):
    """Makes the parser stop; the refusal is under way already."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
        refusals: Refusals,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits, self._refusals = limits, refusals
        self.url, self.headers = b"", []
        # Where in a request the bytes read so far end; how many stages were entered.
        self._stage, self._turn = _BETWEEN, 0
        # Bytes at most of the head that is not complete; of the body with its framing; of the body; of the last piece.
        self._head, self._raw, self._body, self._piece = 0, 0, 0, 0
        self._unanswered = 0
        self._ended = False
        self._last_words, self._let_go = b"", 0
        self._timer: asyncio.TimerHandle | None = None
        self._timed, self._since = 0, 0.0
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it so
        """Somebody calls, and has as long for the first byte as for a head."""
        super().connection_made(transport)
        self._start_timer(self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        for timer in (self._timer, self._stuck):
            if timer is not None:
                timer.cancel()
        self._ended = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came. The parser gets them in pieces, so that no head grows by more than one before it is counted."""
        if self._ended:
            self._drop(len(data))
            return
        self._unset_keepalive_if_required()
        if len(data) <= _PIECE:
            self._feed(data)
        else:
            whole = memoryview(data)
            for start in range(0, len(data), _PIECE):
                self._feed(whole[start : start + _PIECE])
                if self._ended:
                    return
        if self._timer is not None or self._stage != _BETWEEN or self._head:
            self._keep_time()

    def _feed(self, piece: bytes | memoryview) -> None:
        self._piece = len(piece)
        if self._stage == _BODY:
            self._raw += self._piece
        else:
            self._head += self._piece
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            # Nothing else is spoken here: the request is answered as if it had not asked, and is the last.
            self._ended = True
            self.cycle.keep_alive = False
        except httptools.HttpParserError as error:
            if not self._ended:
                self._refuse(400, f"this is not HTTP/1.1: {str(error).lower() or 'malformed'}; look at what sent it")
        else:
            self._measure()

    def _measure(self) -> None:
        if self._stage == _BODY:
            if self._raw > 2 * self._body + self._limits.head_bytes:
                self._refuse(400, "the body's chunks are mostly framing; send larger ones")
        elif self._head > self._limits.head_bytes + _PIECE:
            self._refuse(*head_too_large(self._limits, self.url))

    # What the parser calls

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head = max(self._head, self._piece)  # where in the piece it began is not known
        self._stage = _HEAD
        self._turn += 1

    def on_headers_complete(self) -> None:
        """The head is complete: the request starts, unless it is refused for what its head says."""
        refused = self._fault_of_head()
        self._head = self._raw = self._body = 0
        if refused is not None:
            self._refuse(*refused)
            raise _StoppedError
        super().on_headers_complete()
        self.headers = []  # what follows the body as a trailer is no header
        self._unanswered += 1
        self._stage = _BODY
        self._turn += 1

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body += len(body)
        if self._body > self._limits.body_bytes:
            self._refuse(413, too_large(self._limits.body_bytes))
            raise _StoppedError
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        super().on_message_complete()
        self._stage = _BETWEEN
        self._turn += 1

    def on_response_complete(self) -> None:
        """An answer is complete; where the connection has ended and it was the last, the last words follow."""
        super().on_response_complete()
        self._unanswered -= 1
        if self._last_words and not self._unanswered:
            self._part()

    def _fault_of_head(self) -> Refusal | None:
        if self._head > self._limits.head_bytes and is_too_large(self._limits, self.url, self.headers):
            return head_too_large(self._limits, self.url)
        if self._unanswered >= MOST_UNANSWERED:
            return 429, f"{MOST_UNANSWERED} requests of this connection are not answered yet; wait for the answers"
        return fault_of_head(self._limits, self.url, self.headers, self.parser.should_upgrade())

    # Time

    def _keep_time(self) -> None:
        """Run a timer where the caller owes the rest of something, from the beginning of that."""
        owes = self._stage != _BETWEEN or self._head > 0
        if self._timer is not None and (not owes or self._timed != self._turn):
            self._timer.cancel()
            self._timer = None
        if owes and self._timer is None and not self._ended:
            self._start_timer(self._limits.body_seconds if self._stage == _BODY else self._limits.head_seconds)

    def _start_timer(self, seconds: float) -> None:
        self._timed, self._since = self._turn, self.loop.time()
        self._timer = self.loop.call_later(seconds, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        in_body = self._stage == _BODY
        if self.flow.read_paused or self._unanswered > in_body:  # the caller is kept waiting, not the service
            self._start_timer(self._limits.body_seconds if in_body else self._limits.head_seconds)
        elif not in_body and not self._head and self._stage == _BETWEEN:
            self.transport.close()  # nothing was ever asked
        elif not in_body:
            seconds = f"{self._limits.head_seconds:g}"
            self._refuse(408, f"the headers took longer than {seconds} seconds; send them at once")
        else:
            self._judge_body()

    def _judge_body(self) -> None:
        allowed = self._limits.body_seconds + self._body / LEAST_BODY_RATE
        left = self._since + allowed - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._time_is_up)
        else:
            self._refuse(408, f"the body took longer than {allowed:.0f} seconds; send it at once, or in smaller parts")

    def pause_writing(self) -> None:
        """The caller does not take the answer as fast as it is written."""
        super().pause_writing()
        self._stuck = self.loop.call_later(SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The caller takes the answer."""
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()

    # Refusing

    def _refuse(self, status: int, detail: str) -> None:
        """Read no more. The refusal is said when what came before is answered."""
        self._ended = True
        self._refusals.count(status)
        if self._stage == _BODY and self.cycle.response_started:
            # The answer did not wait for the body: it is enough.
            self.cycle.keep_alive = False
            if self.cycle.response_complete:
                self._part()
            return
        if self._stage == _BODY:
            self._take_back()
        self._last_words = answer_bytes(status, detail, self.server_state.default_headers)
        if not self._unanswered:
            self._part()

    def _take_back(self) -> None:
        """Whoever waits for the rest of this request's body learns that none comes; what it answers is not sent."""
        self.cycle.disconnected = self.cycle.response_complete = True
        self.cycle.message_event.set()
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        self._unanswered -= 1

    def _part(self) -> None:
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if self._timer is not None:
            self._timer.cancel()
        self.transport.write(self._last_words)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._timer = self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    def _drop(self, count: int) -> None:
        self._let_go += count
        if self._let_go > _LINGER_BYTES and not self._unanswered:
            self.transport.close()
