"""The person's own account, for every role: who is signed in, and another password."""

import flask
from flask import Flask, Response

from dashboard.cookies import held, keep_signed_in, origin, wait_in_words
from dashboard.plain import plain_page, see_other
from experiments.errors import InvalidError, TooManyError, UnauthenticatedError
from experiments.model.access.passwords import SHORTEST
from experiments.services.access.signing_in import Person, SignIns

PATH = "/account"


def install_own_account(server: Flask, people: SignIns) -> None:
    """Add the page. The door's guard lets only those here who are signed in, as `flask.g.person`."""

    @server.get(PATH)
    def account_page() -> Response:
        return _page("", 200)

    @server.post(PATH)
    def change_password() -> Response:
        form = flask.request.form
        wanted = form.get("wanted", "")
        if wanted != form.get("again", ""):
            return _page("The two new passwords are not the same.", 422)
        try:
            renewed = people.change_password(held(), form.get("current", ""), wanted, origin())
        except InvalidError as error:
            return _page("; ".join(f"The new password {fault.detail}." for fault in error.faults), 422)
        except UnauthenticatedError:
            return _page("The current password is wrong.", 403)
        except TooManyError as error:
            response = _page(f"There were too many attempts. Try again in {wait_in_words(error)}.", 429)
            response.headers["Retry-After"] = str(error.retry_after)
            return response
        response = see_other("/")
        keep_signed_in(response, renewed)
        return response


def _page(error: str, status: int) -> Response:
    person: Person = flask.g.person
    title = "Choose a password" if person.password_due else "Your account"
    return plain_page(title, ACCOUNT, status, error=error, person=person, shortest=SHORTEST)


ACCOUNT = """
  <p>{{ person.email }} · {{ person.role }}</p>
  {% if person.password_due %}<p class="hint">Somebody else knows the password that you signed in with. Choose one that
  only you know.</p>{% endif %}
  <form method="post" action="/account">
    <input type="hidden" name="username" value="{{ person.email }}" autocomplete="username">
    <label for="current">Current password</label>
    <input id="current" name="current" type="password" autocomplete="current-password" required>
    <label for="wanted">New password</label>
    <input id="wanted" name="wanted" type="password" autocomplete="new-password" required minlength="{{ shortest }}"
      aria-describedby="rule">
    <label for="again">The new one again</label>
    <input id="again" name="again" type="password" autocomplete="new-password" required>
    <button type="submit">Change the password</button>
  </form>
  <p class="hint" id="rule">{{ shortest }} characters or more. Four words that have nothing to do with each other are
  easy to remember and hard to guess. All your other browsers are signed out.</p>
  {% if not person.password_due %}<p class="hint"><a href="/">Back to the dashboard</a></p>{% endif %}
  <form method="post" action="/sign-out"><button type="submit" class="plain">Sign out</button></form>
"""
