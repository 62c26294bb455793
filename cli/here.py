"""The service of this machine, for commands that work on its database without HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

from cli.errors import CallError
from experiments.services.attending import present
from experiments.services.opening import Service, open_service
from experiments.settings import settings


@contextmanager
def service_here() -> Iterator[Service]:
    """The service over the configured database. Raises CallError where that is missing or of an older version.

    Whoever waits at a shell waits as long as for a report.
    """
    configured = settings()
    chosen = configured.model_copy(update={"database_timeout": configured.report_patience})
    remedy = "bring it up to date with: winback migrate"
    if chosen.is_sqlite and not chosen.sqlite_path.exists():
        raise CallError(f"there is no database at {chosen.sqlite_path}; set WINBACK_DATABASE_URL, or {remedy}")
    with present(chosen):
        service = open_service(chosen)
        try:
            if not service.readiness()["migrations"]:
                raise CallError(f"the database is of another version; {remedy}")
            yield service
        finally:
            service.engine.dispose()
