"""Every connector of CONNECTORS: batches, positions that can be gone back to, malformed rows, clear refusals."""

import gzip
import json
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from experiments.connectors import CONNECTORS, Source, open_source
from experiments.errors import InvalidError, UnavailableError

ROWS = [{"id": n, "unit": f"u{n % 7}", "amount": n * 0.5} for n in range(1, 61)]


class Pages(BaseHTTPRequestHandler):
    """Ten rows a page, the next one named in the body; `?since=` takes what is newer."""

    fails = 0

    def do_GET(self):
        path, _, query = self.path.partition("?")
        asked = dict(pair.split("=") for pair in query.split("&") if pair)
        if path == "/flaky" and Pages.fails > 0:
            Pages.fails -= 1
            self.send_error(503)
            return
        if path in ("/circle", "/people"):
            kind = "application/json" if path == "/circle" else "text/html; charset=utf-8"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(json.dumps({"items": ROWS[:2], "next": "/circle"}).encode())
            return
        if path == "/gone":
            self.send_error(404)
            return
        since, page = int(asked.get("since") or 0), int(asked.get("page") or 0)
        found = [row for row in ROWS if row["id"] > since]
        rows = found[page * 10 : page * 10 + 10]
        more = len(found) > (page + 1) * 10
        target = f"{path}?since={since}&page={page + 1}" if path != "/away" else "http://elsewhere.example/"
        body = json.dumps({"items": rows, "next": target if more else None}).encode()
        kind = "application/json"
        if path == "/csv":
            body, kind = b"id,unit,amount\n" + b"".join(_line(row) for row in ROWS), "text/csv"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def _line(row):
    return f"{row['id']},{row['unit']},{row['amount']}\n".encode()


@pytest.fixture
def web():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _csv(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"id,unit,amount\n" + b"".join(_line(row) for row in ROWS))
    return Source(str(path), batch_bytes=120)


def _csv_gz(tmp_path):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"id,unit,amount\n" + b"".join(_line(row) for row in ROWS)))
    return Source(str(path), batch_bytes=120)


def _parquet(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    return Source(str(tmp_path / "rows.parquet"), batch_rows=3)


def _json_lines(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return Source(str(path), batch_bytes=300)


def _sqlite(tmp_path):
    path = tmp_path / "source.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE pay (id INTEGER, unit TEXT, amount REAL)")
        connection.executemany("INSERT INTO pay VALUES (:id, :unit, :amount)", ROWS)
    connection.close()
    return Source(f"sqlite:///{path}", query="pay", watermark="id", batch_rows=7)


MAKERS = {"csv": _csv, "csv.gz": _csv_gz, "parquet": _parquet, "jsonl": _json_lines, "sql": _sqlite}


@pytest.fixture(params=[*MAKERS, "http", "http csv"])
def source(request, tmp_path):
    if request.param == "http":
        return Source(request.getfixturevalue("web") + "/pay?since={watermark}", watermark="id")
    if request.param == "http csv":
        return Source(request.getfixturevalue("web") + "/csv", batch_bytes=120)
    return MAKERS[request.param](tmp_path)


def _read(batches):
    return [(int(row["id"]), row["unit"], float(row["amount"])) for each in batches for row in each.table.to_pylist()]


WANTED = [(row["id"], row["unit"], row["amount"]) for row in ROWS]


def test_every_connector_is_tried(source):
    kinds = [name for name, kind in CONNECTORS.items() if kind.accepts(source.address)]
    assert len(kinds) == 1


def test_all_rows_come_once(source):
    assert sorted(_read(open_source(source).batches({}))) == WANTED


def test_going_on_from_any_position_loses_nothing_and_repeats_nothing(source):
    batches = list(open_source(source).batches({}))
    assert len(batches) > 2
    for place, batch in enumerate(batches):
        position = json.loads(json.dumps(batch.position))
        rest = _read(open_source(source).batches(position))
        assert sorted(_read(batches[: place + 1]) + rest) == WANTED


def test_labels_hold_no_password():
    opened = open_source(Source("postgresql://ana:geheim@127.0.0.1:1/x", query="SELECT 1"))
    assert "geheim" not in opened.label and "psycopg" not in opened.label
    with pytest.raises(UnavailableError) as caught:
        list(opened.batches({}))
    assert "geheim" not in str(caught.value)
    assert "geheim" not in open_source(Source("http://ana:geheim@127.0.0.1/x")).label
    assert "Bearer x" not in repr(Source("http://x", authorization="Bearer x"))


@pytest.mark.parametrize(
    "source",
    [
        Source("nothing-there.csv"),
        Source("sqlite:///:memory:"),
        Source("nodriver://host/x", query="SELECT 1"),
        Source("sqlite:///:memory:", query="SELECT 1 FROM missing"),
        Source("sqlite:///:memory:", query="SELECT 1 AS a", watermark="b"),
        Source("sqlite:///:memory:", query="SELECT 1 AS a", watermark="a; DROP TABLE x"),
    ],
)
def test_what_cannot_be_read_is_said(source):
    with pytest.raises((InvalidError, UnavailableError)):
        list(open_source(source).batches({}))


def test_a_missing_sqlite_file_is_not_made(tmp_path):
    with pytest.raises(InvalidError) as caught:
        open_source(Source(f"sqlite:///{tmp_path}/none.db", query="pay"))
    assert "there is no file" in caught.value.faults[0].detail
    assert not list(tmp_path.iterdir())


def test_a_stumbling_server_is_asked_again(web, monkeypatch):
    monkeypatch.setattr("experiments.connectors.http._WAIT", 0.001)
    Pages.fails = 2
    assert len(_read(open_source(Source(f"{web}/flaky")).batches({}))) == 60
    Pages.fails = 99
    with pytest.raises(UnavailableError):
        list(open_source(Source(f"{web}/flaky")).batches({}))
    Pages.fails = 0


@pytest.mark.parametrize("path", ["/gone", "/away", "/circle", "/people"])
def test_a_page_that_refuses_or_leads_elsewhere_ends_it(web, path):
    with pytest.raises(InvalidError):
        list(open_source(Source(web + path)).batches({}))


def test_a_watermark_takes_only_what_is_new(tmp_path, web):
    database = _sqlite(tmp_path)
    since = list(open_source(database).batches({}))[-1].position["watermark"]
    assert since == 60
    newer = Source(database.address, "pay", "id", since=55)
    assert [row[0] for row in _read(open_source(newer).batches({}))] == [55, 56, 57, 58, 59, 60]
    paged = Source(f"{web}/pay?since={{watermark}}", watermark="id", since=55)
    assert [row[0] for row in _read(open_source(paged).batches({}))] == [56, 57, 58, 59, 60]


def test_rows_that_are_none_are_told_with_their_number(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_bytes(b'a,b\n1,2\n3\n"4\n4",5\n6,7,8\n\xff,9\n')
    (batch,) = open_source(Source(str(path))).batches({})
    assert batch.table.to_pylist() == [{"a": "1", "b": "2"}, {"a": "4\n4", "b": "5"}, {"a": "\ufffd", "b": "9"}]
    assert [(each.row, each.text) for each in batch.malformed] == [(2, "3"), (4, "6,7,8")]


def test_runs_of_blanks_separate(tmp_path):
    path = tmp_path / "blanks.txt"
    path.write_text(" 1  2   3\n4 5 6")
    (batch,) = open_source(Source(str(path), delimiter="whitespace", header=False)).batches({})
    assert batch.table.to_pylist() == [{"1": "1", "2": "2", "3": "3"}, {"1": "4", "2": "5", "3": "6"}]
