"""Callbacks that say what they need: signed in, with a scope, checked on the server at every call (law 11)."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import flask
import structlog
from dash import Dash, no_update, set_props
from dash.dependencies import DashDependency
from sqlalchemy import Engine

from dashboard.cookies import held
from dashboard.who import Who
from experiments.errors import ForbiddenError, InvalidError, UnavailableError, WinbackError
from experiments.model.access.principal import SCOPES, Scope, require
from experiments.services.access.signing_in import Person, SignIns
from experiments.services.access.watching import note_now
from experiments.settings import Settings

NOTICES = "notices"
"""Id of the container that shows notices; see `notify`."""

_log = structlog.get_logger("winback.dashboard")


class Callbacks:
    """Registers callbacks. `needs` has what each of them declared, by the name of its function."""

    def __init__(self, app: Dash, engine: Engine, settings: Settings) -> None:
        self.app = app
        self.people = SignIns(engine)
        self.needs: dict[str, Scope] = {}
        self._engine, self._settings = engine, settings

    def person(self) -> Person:
        """Who sent the request under way, as the door's guard found. Raises UnauthenticatedError, UnavailableError."""
        if "person" not in flask.g:
            flask.g.person = self.people.person(held())
        person: Person = flask.g.person
        return person

    def who(self) -> Who:
        """The same, as views and services take it."""
        return Who(self._engine, self.person().principal, self._settings)

    def _note(self, error: ForbiddenError) -> None:
        with suppress(UnavailableError):
            note_now(self._engine, "refused_scope", error.subject, flask.request.remote_addr or "")

    def on(self, scope: Scope, *dependencies: DashDependency, **options: Any) -> Callable[..., Any]:
        """Like `app.callback`; the function's first argument is the caller, who holds `scope`.

        An error of ours becomes a notice, and nothing on the page changes.
        """
        if scope not in SCOPES:
            raise ValueError(f"unknown scope {scope!r}")

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(function)
            def checked(*values: Any) -> Any:
                try:
                    who = self.who()
                    require(who.principal, scope)
                    return function(who, *values)
                except InvalidError as error:
                    notify("Not accepted", "; ".join(fault.detail for fault in error.faults), "red")
                except WinbackError as error:
                    if isinstance(error, ForbiddenError):
                        self._note(error)
                    notify("Not done", str(error), "red")
                return no_update  # where PreventUpdate is raised, Dash drops the notice with everything else

            self.needs[f"{function.__module__}.{function.__qualname__}"] = scope
            setattr(checked, "winback_needs", scope)  # noqa: B010 - functions declare no attributes
            self.app.callback(*dependencies, **options)(checked)
            return function

        return register

    def in_browser(self, source: str, *dependencies: DashDependency, **options: Any) -> None:
        """A callback that runs in the browser and never reaches the server: it needs nothing."""
        register: Any = self.app.clientside_callback  # Dash gives it no types
        register(source, *dependencies, **options)


def notify(title: str, message: str, color: str = "teal") -> None:
    """Show a notice in the corner, from within a callback."""
    notice = {"action": "show", "title": title, "message": message, "color": color, "autoClose": 8000}
    set_props(NOTICES, {"sendNotifications": [notice]})


__all__ = ["NOTICES", "Callbacks", "no_update", "notify"]
