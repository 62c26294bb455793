"""A process is seen over its place for as long as it runs, so that no backup is put there under it."""

from contextlib import AbstractContextManager

from experiments.settings import Settings
from experiments.store.core import presence


def present(settings: Settings) -> AbstractContextManager[None]:
    """Be seen over the configured place; a process that is killed lets go. Raises ConflictError while a backup is put
    there."""
    return presence.present(settings)
