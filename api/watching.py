"""Refusals that leave the door are signs of trouble: each comes by here once."""

from starlette.types import Scope

from api.auth import address_of
from experiments import errors
from experiments.services.access.keys import prefix_of
from experiments.services.access.watching import Kind
from experiments.services.opening import Service

KINDS: dict[type[Exception], Kind] = {
    errors.UnauthenticatedError: "unknown_key",
    errors.ForbiddenError: "refused_scope",
    errors.TooManyError: "rate_limited",
}


def note_refusal(scope: Scope, error: Exception) -> None:
    """Note a refusal for what it is; other errors are none."""
    kind = KINDS.get(type(error))
    if kind is not None:
        service: Service = scope["app"].state.winback
        subject = getattr(error, "subject", None)
        service.watch.note(kind, prefix_of(scope["headers"]) if subject is None else subject, address_of(scope))
