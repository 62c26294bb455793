"""HTTP: pages of JSON, JSON lines or delimited text, followed to their end."""

import io
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit

import httpx
import msgspec

from experiments.connectors.connector import Batch, Position, Source, table_of, unreadable
from experiments.connectors.file import read_json_lines
from experiments.connectors.text import read_text
from experiments.errors import UnavailableError

ROWS = ("items", "data", "results", "records", "rows")
"""Where a page's rows may be, if it is no list itself."""

_ATTEMPTS, _PATIENCE = 4, 30.0
_WAIT = 0.2
_SERVER_ERROR, _TOO_MANY, _REFUSED = 500, 429, 400
_NOT_FOR_US = (401, 403)
_SIGN_IN = "where it asks for a key, name the variable that holds the header Authorization with --authorization"
_decode = msgspec.json.Decoder().decode


def accepts(address: str) -> bool:
    """Whether this is an address of the web."""
    return address.startswith(("http://", "https://"))


class Web:
    """An address whose pages name the next: a header `Link`, or `next`, or `next_cursor` beside the rows.

    With a watermark, `{watermark}` in the address is replaced by the largest value seen so far (at first by nothing),
    so that the service itself sends only what is new. A position is the address of the page that comes next.
    """

    fingerprint: str | None = None
    resumable: bool = True

    def __init__(self, source: Source) -> None:
        self._source = source
        parts = urlsplit(source.address)
        if not parts.hostname:
            raise unreadable("the address has no host")
        self.label = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def batches(self, position: Position) -> Iterator[Batch]:
        """See Connector."""
        headers = {"Authorization": self._source.authorization} if self._source.authorization else {}
        highest = position.get("watermark", self._source.since)
        address = position.get("url") if "url" in position else self._start(highest)
        skip = int(position.get("parts", 0))
        pages = 0
        asked: set[str] = set()
        with httpx.Client(headers=headers, timeout=_PATIENCE, follow_redirects=True) as client:
            while address is not None:
                if address in asked:
                    raise unreadable(f"the pages lead in a circle: one names {address} as the next, which was read")
                asked.add(address)
                answer = _get(client, address)
                pages += 1
                following = _next(answer, address)
                for number, (table, malformed) in enumerate(self._parts(answer), 1):
                    if number <= skip:
                        continue
                    highest = _highest(highest, table, self._source.watermark)
                    place: dict[str, Any] = {"url": address, "parts": number, "watermark": highest}
                    yield Batch(table, place, malformed, pages)
                skip, address = 0, following
                yield Batch(table_of([]), {"url": address, "watermark": highest}, done=pages)

    def _start(self, since: Any) -> str:
        return self._source.address.replace("{watermark}", "" if since is None else quote(str(since), safe=""))

    def _parts(self, answer: httpx.Response) -> Iterator[Any]:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        stream = io.BytesIO(answer.content)
        if kind in ("application/x-ndjson", "application/jsonl", "application/json-lines", "application/jsonlines"):
            yield from read_json_lines(stream, self._source)
        elif kind.endswith("json"):
            yield table_of(_rows(answer)), ()
        elif kind.endswith("html"):
            raise unreadable(f"a page for people ({kind}) instead of rows; {_SIGN_IN}")
        else:
            yield from read_text(stream, self._source)


def _get(client: httpx.Client, address: str) -> httpx.Response:
    """One page; a server that stumbles is asked again, ever later."""
    problem = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_WAIT * 2**attempt)
        try:
            answer = client.get(address)
        except httpx.TransportError as error:
            problem = str(error) or type(error).__name__
            continue
        except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
            raise unreadable(str(error)) from error
        if answer.status_code < _REFUSED:
            return answer
        problem = f"status {answer.status_code}"
        if answer.status_code < _SERVER_ERROR and answer.status_code != _TOO_MANY:
            remedy = f"; {_SIGN_IN}" if answer.status_code in _NOT_FOR_US else ""
            raise unreadable(f"the server refuses: {problem}{remedy}")
    raise UnavailableError(f"the source {urlsplit(address).netloc.rpartition('@')[2]}: {problem}")


def _rows(answer: httpx.Response) -> list[dict[str, Any]]:
    found = _page(answer)
    if isinstance(found, dict):
        found = next((found[name] for name in ROWS if name in found), found)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise unreadable(f"a page must be a list of objects, or hold one as {', '.join(ROWS)}")
    return found


def _page(answer: httpx.Response) -> Any:
    try:
        return _decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable(f"a page is no JSON: {error}") from error


def _next(answer: httpx.Response, address: str) -> str | None:
    """The address of the next page; None after the last. Raises InvalidError where a page leads elsewhere."""
    linked: Any = answer.links.get("next", {}).get("url")
    if linked is None and "json" in answer.headers.get("content-type", "") and b"next" in answer.content[: 1 << 24]:
        page = answer.content.lstrip()[:1] == b"{" and _page(answer)
        if isinstance(page, dict):
            cursor = page.get("next_cursor")
            linked = page.get("next") or (None if cursor is None else _with_cursor(address, str(cursor)))
    if not linked:
        return None
    following = urljoin(address, str(linked))
    if urlsplit(following)[:2] != urlsplit(address)[:2]:
        raise unreadable(f"a page leads to another server: {urlsplit(following).netloc}")
    return following


def _with_cursor(address: str, cursor: str) -> str:
    parts = urlsplit(address)
    kept = [pair for pair in parts.query.split("&") if pair and not pair.startswith("cursor=")]
    return urlunsplit(parts._replace(query="&".join([*kept, urlencode({"cursor": cursor})])))


def _highest(known: Any, table: Any, column: str | None) -> Any:
    if column is None or column not in table.column_names:
        return known
    values = [value for value in table[column].to_pylist() if value is not None]
    if known is not None:
        values.append(known)
    try:
        return max(values, default=None)
    except TypeError as error:
        raise unreadable(f"the values of {column!r} are not of one type", "/watermark") from error
