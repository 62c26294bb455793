"""`winback migrate`: bring the database to the newest version."""

from cli.console import say


def migrate() -> None:
    """Bring the configured database to the newest version; does nothing where it is there."""
    import migrations
    from experiments.settings import settings

    migrations.upgrade(settings().database_url)
    say("The database is at the newest version.")
