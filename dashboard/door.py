"""The door of the dashboard: nothing but the sign-in and its style sheet is served to whom nobody knows."""

from urllib.parse import urlsplit

import flask
from flask import Flask, Response

from dashboard.callbacks import COOKIE
from experiments.errors import TooManyError, UnauthenticatedError, UnavailableError
from experiments.model.times import SECOND
from experiments.services.limiting_guesses import KNOWN_FOR, Origin
from experiments.services.signing_in import LIFE, SignIns

DEVICE = "winback_device"
"""Cookie by which a browser is known in which somebody has signed in before."""

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
            signed_in = people.sign_in(form.get("email", ""), form.get("password", ""), _origin())
        except UnauthenticatedError as error:
            return _page(f"{str(error).capitalize()}.", 401)
        except TooManyError as error:
            return _too_many(error)
        except UnavailableError as error:
            return _page(f"The database is away ({error}); try again.", 503)
        response = _see_other(_inside(form.get("next", "")))
        _keep(response, COOKIE, signed_in.token, LIFE)
        _keep(response, DEVICE, signed_in.device, KNOWN_FOR)
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


def _origin() -> Origin:
    """Where an attempt to sign in comes from."""
    return Origin(flask.request.remote_addr or "", flask.request.cookies.get(DEVICE, ""))


def _keep(response: Response, name: str, value: str, life: int) -> None:
    """Let the browser keep a secret for so many microseconds, which no script and no other site gets to see."""
    response.set_cookie(
        name, value, max_age=life // SECOND, httponly=True, samesite="Lax", secure=flask.request.is_secure
    )


def _too_many(error: TooManyError) -> Response:
    wait = f"{error.retry_after} seconds" if error.retry_after < 120 else f"{-(-error.retry_after // 60)} minutes"
    text = (
        f"There were too many attempts. Try again in {wait}. "
        "From a browser or a network that you have signed in from before it may work sooner."
    )
    response = _page(text, 429)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


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
