"""Whether a port is free, and whether what was started behind it is ready."""

import socket
import time
from collections.abc import Callable

import httpx

from cli.errors import CallError


def require_free(host: str, port: int, variable: str) -> None:
    """Raise CallError, naming the variable that changes it, where somebody else has the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            remedy = f"stop what uses it, or choose another: {variable}=8001 make run"
            raise CallError(f"cannot listen on {host}:{port} ({error.strerror}); {remedy}") from error


def free_port() -> int:
    """A port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_ready(url: str, seconds: float, go_on: Callable[[], bool]) -> bool:
    """Whether `url`/readyz answered 200 in time; False at once where `go_on` says that waiting is useless."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and go_on():
        try:
            if httpx.get(f"{url}/readyz", timeout=1.0).status_code == 200:
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    return False
