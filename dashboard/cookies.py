"""What a browser keeps of a sign-in, and what an attempt to sign in tells of where it comes from."""

import flask
from flask import Response

from experiments.errors import TooManyError
from experiments.model.times import SECOND
from experiments.services.access.limiting_guesses import KNOWN_FOR, Origin
from experiments.services.access.signing_in import LIFE, SignedIn

COOKIE = "winback_sign_in"
DEVICE = "winback_device"
"""Cookie by which a browser is known in which somebody has signed in before."""


def held() -> str | None:
    """The token that came with the request under way."""
    return flask.request.cookies.get(COOKIE)


def origin() -> Origin:
    """Where the request under way comes from."""
    return Origin(flask.request.remote_addr or "", flask.request.cookies.get(DEVICE, ""))


def keep_signed_in(response: Response, signed_in: SignedIn) -> None:
    """Let the browser keep both tokens."""
    _keep(response, COOKIE, signed_in.token, LIFE)
    _keep(response, DEVICE, signed_in.device, KNOWN_FOR)


def forget(response: Response) -> None:
    """Let the browser forget the sign-in, but not that it is known."""
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=flask.request.is_secure)


def wait_in_words(error: TooManyError) -> str:
    """How long to wait, as people say it."""
    seconds = error.retry_after
    return f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"


def _keep(response: Response, name: str, value: str, life: int) -> None:
    """For so many microseconds, and so that no script and no other site gets to see it."""
    response.set_cookie(
        name, value, max_age=life // SECOND, httponly=True, samesite="Lax", secure=flask.request.is_secure
    )
