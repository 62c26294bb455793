"""A proxy that ends TLS before a server on the loopback, with a certificate made for it."""

import http.client
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"})


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    made, key = folder / "certificate.pem", folder / "key.pem"
    what = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    where = [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(key),
        "-out",
        str(made),
    ]
    subprocess.run([*what, *where], check=True, capture_output=True)
    return made, key


class Handler(BaseHTTPRequestHandler):
    """Passes one request on, and says for whom and how it came."""

    protocol_version = "HTTP/1.1"
    port: int

    def pass_on(self) -> None:
        """Any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        before = headers.get("X-Forwarded-For")
        headers["X-Forwarded-For"] = f"{before}, {self.client_address[0]}" if before else self.client_address[0]
        headers["X-Forwarded-Proto"] = "https"
        inner = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        inner.request(self.command, self.path, body, headers)
        answer = inner.getresponse()
        content = answer.read()
        inner.close()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = pass_on  # noqa: N815 - the base class looks for these names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Proxy(ThreadingHTTPServer):
    """A browser that leaves in the middle of an answer is no fault."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def tls_before(port: int, folder: Path) -> Iterator[str]:
    """The address under which the server on this port can be had over TLS."""
    made, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    proxy = Proxy(("127.0.0.1", 0), type("To", (Handler,), {"port": port}))
    proxy.socket = context.wrap_socket(proxy.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{proxy.server_address[1]}"
    proxy.shutdown()
    proxy.server_close()
    thread.join()
