"""The description of the API as a page of its own: no script, style or picture comes from anywhere else."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth import public

_PAGES = Path(__file__).parents[1] / "pages"
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_FILES = {
    "/docs": ("docs.html", "text/html"),
    "/docs/page.css": ("docs.css", "text/css"),
    "/docs/page.js": ("docs.js", "text/javascript"),
}


def _page(path: str, name: str, media_type: str) -> Route:
    content = (_PAGES / name).read_bytes()

    @public
    async def page(_: Request) -> Response:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return Response(content, headers=headers, media_type=media_type)

    return Route(path, page, methods=["GET"])


routes = [_page(path, name, media_type) for path, (name, media_type) in _FILES.items()]
