"""Bodies compressed by gzip: read like any other, and unfolded no further than a body may be large."""

import gzip
import json
import tracemalloc

import pytest

from experiments.settings import Settings

BODY = json.dumps({"profile": {"orders": 3}}).encode()
LIMIT = Settings(_env_file=None).max_body_bytes
ZIPPED = {"content-type": "application/json", "content-encoding": "gzip"}
PATHS = [("PUT", "/v1/units/u"), ("POST", "/v1/outcomes"), ("POST", "/v1/track"), ("POST", "/ofrep/v1/evaluate/flags")]


@pytest.fixture(scope="module")
def call(sqlite_service):
    def call(method, path, body, **headers):
        return sqlite_service.client.request(method, path, content=body, headers={**ZIPPED, **headers})

    return call


def pieces(body, size):
    async def generate():
        for start in range(0, len(body), size):
            yield body[start : start + size]

    return generate()


@pytest.mark.parametrize("body", [gzip.compress(BODY), pieces(gzip.compress(BODY), 7)], ids=["whole", "chunks"])
def test_a_compressed_body_is_read(call, sqlite_service, body):
    assert call("PUT", "/v1/units/zipped", body).status_code == 204
    assert sqlite_service.client.get("/v1/units/zipped").json()["profile"] == {"orders": 3}


def test_a_batch_of_segments_client_is_read(call):
    batch = {"batch": [{"type": "track", "userId": "u", "event": "Song Played", "messageId": "m"}]}
    answer = call("POST", "/v1/batch", gzip.compress(json.dumps(batch).encode()))
    assert answer.json() == {"success": True}


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_what_unfolds_beyond_the_limit_is_refused(call, method, path):
    bomb = gzip.compress(b" " * 100_000_000, 9)
    assert len(bomb) < LIMIT
    tracemalloc.start()
    try:
        answers = [call(method, path, bomb), call(method, path, pieces(bomb, 50_000))]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [answer.status_code for answer in answers] == [413, 413]
    assert f"{LIMIT:,} bytes" in answers[0].json()["detail"]
    assert peak < 20 * LIMIT


def test_the_limit_is_of_what_is_unfolded(call):
    body = BODY.ljust(LIMIT)
    assert call("PUT", "/v1/units/zipped", gzip.compress(body)).status_code == 204
    assert call("PUT", "/v1/units/zipped", gzip.compress(body + b" ")).status_code == 413


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    "body",
    [BODY, b"", gzip.compress(BODY)[:-9], gzip.compress(BODY) + b"x", gzip.compress(BODY)[:30] + b"noise" * 9],
    ids=["plain", "empty", "cut", "more behind", "noise within"],  # what is zipped holds the second it was made in
)
def test_what_is_no_gzip_is_refused(call, method, path, body):
    answer = call(method, path, body)
    assert answer.status_code == 400
    assert "gzip" in answer.json()["detail"]


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_other_encodings_are_refused_with_the_one_that_is_taken(call, encoding):
    answer = call("PUT", "/v1/units/zipped", BODY, **{"content-encoding": encoding})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip")
    assert call("PUT", "/v1/units/zipped", BODY, **{"content-encoding": "identity"}).status_code == 204
