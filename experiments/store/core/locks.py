"""PostgreSQL's advisory locks, all in one place: two purposes that shared a number would wait for each other."""

from enum import IntEnum, unique


@unique
class Lock(IntEnum):
    """What each number guards. SQLite has one writer and needs none of them."""

    MIGRATIONS = 7300
    INTAKE = 7301
    """Intake of outcomes (shared) against the joiner (exclusive)."""
    AUDIT = 7302
    """The end of the audit chain."""
    ADMINISTRATORS = 7305
    """Who is an administrator, and which keys are; taken before AUDIT."""
    SECURITY_EVENTS = 7308
    """Counts of signs of trouble; taken alone."""
    LAYERS = 7303
    """Places of experiments in their layers."""
    WORKER = 7304
    """Held by a session for as long as its worker acts."""
    SIGN_INS = 7306
    """What limits the guessing of passwords."""
    PEOPLE = 7307
    """Who keeps something of people by their ids (shared) against who erases one (exclusive); taken before others."""
    SERVING = 7311
    """Held by a session for as long as its process is (shared) against who puts a backup in the place (exclusive)."""
    ALERTS = 7310
    """Which alerts are not resolved; taken before AUDIT."""
