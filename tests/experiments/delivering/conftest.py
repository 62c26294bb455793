"""A receiver on this machine, and a campaign with decisions to push."""

import json
import shutil
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

import pytest

from experiments.connectors.webhooks import Sender
from experiments.services.delivering.pushes import Backoff, Pusher, claim_delivery
from experiments.settings import Settings
from experiments.store.core.engine import engine_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Received(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Answers by a list of (status, document, headers), then by the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any, dict[str, str]]] = [(200, {}, {})]
        self.seen: list[Received] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.seen.append(Received(self.path, headers, body))
                status, document, more = receiver.next_answer()
                content = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", **more}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def next_answer(self) -> tuple[int, Any, dict[str, str]]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def answer(self, *answers: tuple[int, Any] | tuple[int, Any, dict[str, str]]) -> None:
        self.answers = [(each[0], each[1], each[2] if len(each) > 2 else {}) for each in answers]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    yield started
    started.close()


@pytest.fixture
def sender() -> Iterator[Sender]:
    made = Sender(allow_private=True, timeout=5.0)
    yield made
    made.close()


@pytest.fixture
def settings(settings: Any) -> Any:
    return settings.model_copy(update={"allow_private_webhooks": True})


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINBACK_SECRET_SIGNING", SECRET)
    monkeypatch.setenv("WINBACK_SECRET_CRM", "site:very-secret-key")


class Outbound:
    """A running campaign, and short ways to push its assignments."""

    def __init__(self, client: Any, engine: Any, receiver: Receiver, pusher: Pusher) -> None:
        self.client, self.engine, self.receiver = client, engine, receiver
        self.pusher = pusher

    def decide(self, *units: str) -> dict[str, str]:
        rows = [{"unit_id": unit} for unit in units]
        answer = self.client.post("/v1/experiments/e/assignments/batch", json=rows)
        return {row["unit_id"]: row["decision_id"] for row in answer.json()["results"]}

    def destination(self, **members: Any) -> None:
        body = {"key": "crm", "kind": "webhook", "url": self.receiver.url, "signing_env": "WINBACK_SECRET_SIGNING"}
        answer = self.client.post("/v1/destinations", json=body | members)
        assert answer.status_code == 201, answer.text

    def request(self, **members: Any) -> dict[str, Any]:
        answer = self.client.post("/v1/experiments/e/deliveries", json={"destination": "crm", **members})
        assert answer.status_code == 202, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def run(self, stopped: Callable[[], bool] = lambda: False) -> int | None:
        number = claim_delivery(self.engine)
        if number is not None:
            self.pusher.run(number, stopped)
        return number

    def push(self, **members: Any) -> dict[str, Any]:
        number = self.request(**members)["id"]
        self.run()
        return self.shown(number)

    def shown(self, number: int) -> dict[str, Any]:
        shown: dict[str, Any] = self.client.get(f"/v1/deliveries/{number}").json()
        return shown

    def outcomes(self, decision_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"/v1/decisions/{decision_id}").json()["outcomes"]
        return found


@pytest.fixture
def outbound(client: Any, engine: Any, settings: Any, receiver: Receiver, sender: Sender) -> Outbound:
    definition = {
        "key": "e",
        "arms": [
            {"key": "gift", "event_type": "bogo", "reward_kind": "coupon", "reward_amount": 5, "payload": {"t": "ü"}}
        ],
        "variants": [{"key": "v", "share": 1, "policy": {"name": "split", "params": {"weights": {"gift": 1}}}}],
    }
    assert client.post("/v1/experiments", json=definition).status_code == 201
    assert client.post("/v1/experiments/e/start").status_code == 200
    backoff = Backoff(base=0.0, longest=0.0, attempts=3)
    return Outbound(client, engine, receiver, Pusher(engine, sender, settings.history_path, backoff))


@pytest.fixture(scope="module")
def sqlite_client(serving, sqlite_template, tmp_path_factory):
    """One service for what stores nothing; private addresses are refused, as they are by default."""
    path = tmp_path_factory.mktemp("destinations") / "winback.db"
    shutil.copy(sqlite_template, path)
    settings = Settings(database_url=f"sqlite:///{path}", database_timeout=5.0, _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as service:
        yield service.client
    engine.dispose()
