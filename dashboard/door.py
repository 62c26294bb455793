"""The door of the dashboard: nothing but the sign-in and its style sheet is served to whom nobody knows."""

from urllib.parse import urlsplit

import flask
from flask import Flask, Response

from dashboard.callbacks import COOKIE
from experiments.errors import TooManyError, UnauthenticatedError, UnavailableError
from experiments.services.signing_in import LIFE, SignIns

OPEN_PATHS = ("/sign-in", "/assets/", "/healthz")
SAFE = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def install_door(server: Flask, people: SignIns) -> None:
    """Add the sign-in, the sign-out, and the guard before everything else."""

    @server.before_request
    def guard() -> Response | None:
        request = flask.request
        if request.method == "POST" and not _from_here():
            return Response("This request came from another site.", 403)
        if request.path.startswith(OPEN_PATHS):
            return None
        try:
            people.person(request.cookies.get(COOKIE))
        except UnauthenticatedError as error:
            if request.path.startswith("/_dash"):
                return Response(str(error), 401)
            wanted = request.full_path.rstrip("?")
            return _see_other(flask.url_for("sign_in_page", next=wanted if wanted != "/" else None))
        except UnavailableError as error:
            return Response(str(error), 503, {"Retry-After": str(error.retry_after)})
        return None

    @server.after_request
    def safe(response: Response) -> Response:
        for name, value in SAFE.items():
            response.headers.setdefault(name, value)
        return response

    @server.get("/healthz")
    def healthz() -> Response:
        return Response("ok")

    @server.get("/sign-in")
    def sign_in_page() -> Response:
        return _page("", 200)

    @server.post("/sign-in")
    def sign_in() -> Response:
        form = flask.request.form
        try:
            token = people.sign_in(form.get("email", ""), form.get("password", ""))
        except (UnauthenticatedError, TooManyError) as error:
            return _page(str(error), 401 if isinstance(error, UnauthenticatedError) else 429)
        except UnavailableError as error:
            return _page(f"The database is away ({error}); try again.", 503)
        response = _see_other(_inside(form.get("next", "")))
        response.set_cookie(
            COOKIE,
            token,
            max_age=LIFE // 1_000_000,
            httponly=True,
            samesite="Lax",
            secure=flask.request.is_secure,
        )
        return response

    @server.get("/sign-out")
    def sign_out() -> Response:
        people.sign_out(flask.request.cookies.get(COOKIE))
        response = _see_other(flask.url_for("sign_in_page"))
        response.delete_cookie(COOKIE)
        return response


def _from_here() -> bool:
    """Whether a changing request comes from our own pages; browsers always name the origin of such a request."""
    origin = flask.request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == flask.request.host


def _inside(address: str) -> str:
    """The address, where it leads to this dashboard and nowhere else."""
    parts = urlsplit(address)
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if plain and not parts.scheme and not parts.netloc else "/"


def _see_other(location: str) -> Response:
    return Response("", 303, {"Location": location})


def _page(error: str, status: int) -> Response:
    wanted = flask.request.values.get("next", "")
    email = flask.request.form.get("email", "")
    return Response(flask.render_template_string(SIGN_IN, error=error, next=wanted, email=email), status)


SIGN_IN = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Winback</title><link rel="stylesheet" href="/assets/sign-in.css">
<link rel="icon" href="/assets/favicon.svg">
</head>
<body>
<main>
  <p class="brand"><span class="brand-mark" aria-hidden="true"></span>Winback</p>
  <h1>Sign in</h1>
  {% if error %}<p class="error" role="alert">{{ error }}</p>{% endif %}
  <form method="post" action="/sign-in">
    <input type="hidden" name="next" value="{{ next }}">
    <label for="email">E-mail</label>
    <input id="email" name="email" type="email" autocomplete="username" required autofocus value="{{ email }}">
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="current-password" required>
    <button type="submit">Sign in</button>
  </form>
  <p class="hint">No account yet? An administrator gives you one, under Accounts or with
  <code>winback user create</code>.</p>
</main>
</body>
</html>"""
