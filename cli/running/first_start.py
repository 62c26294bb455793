"""What a developer's machine needs once: a key and a login. Only their hashes are kept, so they are shown once."""

from cli.console import say
from experiments.model.access.passwords import invented_password
from experiments.model.access.principal import SYSTEM
from experiments.model.times import HOUR, now
from experiments.services.access.granting_keys import create_key, revoke_key
from experiments.services.access.granting_users import create_user
from experiments.services.opening import Service
from experiments.views.credentials import users
from experiments.views.paging import Wanted

LOGIN = "admin@winback.local"
DEMO_SCOPES = ("assign", "outcomes", "read", "experiment")
DEMO_KEY_LIFE = 7 * 24 * HOUR


def introduce(service: Service) -> None:
    """Make the first key and the first login and print them, where the database knows nobody yet."""
    if users(service.engine, SYSTEM, Wanted(limit=1))["items"]:
        return
    password = invented_password(LOGIN)
    granted = create_key(service.engine, SYSTEM, "first admin", ["admin"])
    create_user(service.engine, SYSTEM, LOGIN, password, "admin")
    say("First start: this key and this login are shown once, and only their hashes are kept.")
    say(f"  admin key  {granted.key}")
    say(f"  login      {LOGIN}  password  {password}  (you choose another when you sign in)")


class DemoKey:
    """A key for the simulated campaign, taken back at the end of the block."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._id: int | None = None

    def __enter__(self) -> "DemoKey":
        return self

    def __exit__(self, *_: object) -> None:
        if self._id is not None:
            revoke_key(self._service.engine, SYSTEM, self._id)

    def create(self) -> str:
        """The key; it expires by itself where nobody is left to take it back."""
        granted = create_key(self._service.engine, SYSTEM, "demo", DEMO_SCOPES, now() + DEMO_KEY_LIFE)
        self._id = granted.id
        return granted.key
