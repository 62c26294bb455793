from typing import Any

class HTTPChannel:
    addr: tuple[Any, ...]
    request: Any
    requests: list[Any]
    connected: bool
    last_activity: float
    will_close: bool
    close_when_flushed: bool
    def __init__(self, server: Any, sock: Any, addr: Any, *arguments: Any, **options: Any) -> None: ...
    def received(self, data: bytes) -> bool: ...
    def __getattr__(self, name: str) -> Any: ...
