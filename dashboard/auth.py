"""The door of the dashboard: nothing but the sign-in and its style sheet is served to whom nobody knows."""

from urllib.parse import urlsplit

import flask
from flask import Flask, Response

from dashboard import own_account
from dashboard.cookies import forget, held, keep_signed_in, origin, wait_in_words
from dashboard.plain import plain_page, see_other
from experiments.errors import TooManyError, UnauthenticatedError, UnavailableError
from experiments.services.access.signing_in import SignIns

OPEN_PATHS = frozenset({"/sign-in", "/healthz", "/assets/sign-in.css", "/assets/favicon.svg"})
"""Whole paths: what begins like one of them is another address."""

BEFORE_A_PASSWORD = frozenset({own_account.PATH, "/sign-out"})
"""All that is open to somebody who has to choose a password first."""

MOST_OF_A_FORM = 16_384
"""Bytes of what the sign-in and the own account take."""

ELSEWHERE = frozenset({"cross-site", "same-site"})
"""What browsers write into Sec-Fetch-Site where a page of another origin sent them."""


def install_auth(server: Flask, people: SignIns) -> None:
    """Add the sign-in, the sign-out, and the guard before everything else."""
    _install_guard(server, people)
    own_account.install_own_account(server, people)

    @server.errorhandler(UnavailableError)
    def away(error: UnavailableError) -> Response:
        return Response(f"The database is away ({error}); try again.", 503, {"Retry-After": str(error.retry_after)})

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
            signed_in = people.sign_in(form.get("email", ""), form.get("password", ""), origin(), held())
        except UnauthenticatedError as error:
            return _page(f"{str(error).capitalize()}.", 401)
        except TooManyError as error:
            return _too_many(error)
        response = see_other(_inside(form.get("next", "")))
        keep_signed_in(response, signed_in)
        return response

    @server.route("/sign-out", methods=["GET", "POST"])
    def sign_out() -> Response:
        people.sign_out(held())
        response = see_other(flask.url_for("sign_in_page"))
        forget(response)
        return response


def _install_guard(server: Flask, people: SignIns) -> None:
    @server.before_request
    def guard() -> Response | None:
        request = flask.request
        if not request.path.startswith("/_dash"):
            # Nothing of a longer one is read: who calls is not known yet.
            request.max_content_length = MOST_OF_A_FORM
        if not _from_here():
            return Response("This request came from another site.", 403)
        if request.path in OPEN_PATHS:
            return None
        calls = request.path.startswith("/_dash")
        try:
            flask.g.person = people.person(held())
        except UnauthenticatedError as error:
            if calls:
                return Response(str(error), 401)
            wanted = request.full_path.rstrip("?")
            return see_other(flask.url_for("sign_in_page", next=wanted if wanted != "/" else None))
        if flask.g.person.password_due and request.path not in BEFORE_A_PASSWORD:
            return Response("Choose a password first.", 403) if calls else see_other(own_account.PATH)
        return None


def _from_here() -> bool:
    """Whether a changing request comes from our own pages; browsers always name the origin of such a request."""
    request = flask.request
    if request.method in ("GET", "HEAD") and request.path != "/sign-out":
        return True
    named = request.headers.get("Origin")
    fetched = request.headers.get("Sec-Fetch-Site")
    return fetched not in ELSEWHERE and (named is None or urlsplit(named).netloc == request.host)


def _inside(address: str) -> str:
    """The address, where it leads to this dashboard and nowhere else."""
    parts = urlsplit(address)
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if plain and not parts.scheme and not parts.netloc else "/"


def _too_many(error: TooManyError) -> Response:
    text = (
        f"There were too many attempts. Try again in {wait_in_words(error)}. "
        "From a browser or a network that you have signed in from before it may work sooner."
    )
    response = _page(text, 429)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _page(error: str, status: int) -> Response:
    wanted = flask.request.values.get("next", "")
    email = flask.request.form.get("email", "")
    return plain_page("Sign in", SIGN_IN, status, error=error, next=wanted, email=email)


SIGN_IN = """
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
"""
