"""`winback key …`: credentials of systems."""

from typing import Annotated, Any

import typer

from cli.console import emit_json, say

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def create(
    scope: Annotated[
        list[str],
        typer.Option(help="assign, outcomes, read, experiment, analyse or admin; repeatable, or several with commas."),
    ],
    name: Annotated[str, typer.Option(help="Whose it is, as the audit log writes it.")] = "shell",
    rate: Annotated[
        str | None, typer.Option(help="How often it may call: 100/second, or 600/minute,50 with at most 50 at once.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create an API key and print it once; only its hash is kept."""
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.access.granting_keys import create_key

    limit = None if rate is None else _limit(rate)
    scopes = list(dict.fromkeys(word.strip() for each in scope for word in each.split(",")))
    with service_here() as service:
        granted = create_key(service.engine, SYSTEM, name, scopes, rate_limit=limit)
    if as_json:
        emit_json({"id": granted.id, "name": name, "prefix": granted.prefix, "scopes": scopes, "key": granted.key})
    else:
        say(f"{granted.key}\nThis is shown once. Send it as: Authorization: Bearer {granted.prefix}_…")


def rotate(
    key: Annotated[str, typer.Argument(help="Its number or prefix, as winback key list shows them.")],
    overlap: Annotated[str, typer.Option(help="How long the old secret goes on: an ISO 8601 duration.")] = "P1D",
    as_json: Json = False,
) -> None:
    """Make a new secret with the same name, scopes and rate limit, and print it once; the old one expires later."""
    from pydantic import TypeAdapter, ValidationError

    from cli.errors import CallError
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.model.designing.fields import Duration
    from experiments.model.times import to_rfc3339
    from experiments.services.access.rotating import rotate_key

    try:
        length = TypeAdapter(Duration).validate_python(overlap)
    except ValidationError as error:
        raise CallError("--overlap: must be an ISO 8601 duration such as P1D or PT2H") from error
    with service_here() as service:
        old = _named(service.engine, key)
        made = rotate_key(service.engine, SYSTEM, old["id"], length)
    until = to_rfc3339(made.replaced_until or 0)
    if as_json:
        emit_json({"id": made.id, "prefix": made.prefix, "key": made.key, "replaces": old["prefix"], "until": until})
    else:
        say(f"{made.key}\nThis is shown once. {old['prefix']}_… goes on until {until}: winback key list")


def revoke(
    key: Annotated[str, typer.Argument(help="Its number or prefix, as winback key list shows them.")],
    force: Annotated[bool, typer.Option("--force", help="Also the last administrator's.")] = False,
    as_json: Json = False,
) -> None:
    """Take a key back; it stops working everywhere within two seconds."""
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.access.granting_keys import revoke_key

    with service_here() as service:
        found = _named(service.engine, key)
        revoke_key(service.engine, SYSTEM, found["id"], force=force)
    if as_json:
        emit_json({"id": found["id"], "prefix": found["prefix"], "revoked": True})
    else:
        say(f"{found['prefix']}_… ({found['name']}) is revoked.")


def show(as_json: Json = False) -> None:
    """List keys, newest first, without what could be used as one."""
    from cli.console import Paper
    from cli.here import service_here
    from cli.tables import Sheet

    with service_here() as service:
        found = _all(service.engine)
    if as_json:
        emit_json({"keys": found})
        return
    columns = ("id", "key", "name", "scopes", "last used", "expires", "state")
    sheet = Sheet("keys", columns, left=frozenset(range(1, len(columns))))
    for each in found:
        scopes, state = " ".join(each["scopes"]), "revoked" if each["revoked_at"] else "active"
        ends = (each["last_used_at"] or "never", each["expires_at"] or "never")
        sheet.add_row(str(each["id"]), f"{each['prefix']}_…", each["name"], scopes, *ends, state)
    Paper().print(sheet)


def _limit(rate: str) -> Any:
    from cli.errors import CallError
    from experiments.model.access.rate_limits import RateLimit

    try:
        return RateLimit.parse(rate)
    except ValueError as error:
        raise CallError(f"--rate: {error}") from error


def _all(engine: Any) -> list[dict[str, Any]]:
    from experiments.model.access.principal import SYSTEM
    from experiments.views.credentials import keys
    from experiments.views.paging import MAX_LIMIT, Wanted

    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = keys(engine, SYSTEM, Wanted(MAX_LIMIT, cursor))
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def _named(engine: Any, key: str) -> dict[str, Any]:
    """The key of a number or prefix; the secret's beginning is enough, and more of it is never printed."""
    from experiments.errors import NotFoundError

    prefix = "_".join(key.split("_")[:2])
    for each in _all(engine):
        if key == str(each["id"]) or prefix == each["prefix"]:
            return each
    raise NotFoundError(f"there is no key {prefix}; see: winback key list")
