"""Somebody can always still administer the service, in whatever order keys and people go."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from experiments.errors import ConflictError
from experiments.model.access.principal import SYSTEM
from experiments.model.times import HOUR, now
from experiments.services.access.granting_keys import create_key, revoke_key
from experiments.services.access.granting_users import UserChange, change_user, create_user
from experiments.views.credentials import keys, users
from experiments.views.paging import Wanted


def _admin_key(engine, expires_at=None):
    return create_key(engine, SYSTEM, "admin", ["admin"], expires_at).id


def _admin(engine, name):
    return create_user(engine, SYSTEM, f"{name}@example.com", "correct horse battery", "admin")


def _working(engine):
    return [each["id"] for each in keys(engine, SYSTEM, Wanted())["items"] if each["revoked_at"] is None]


def _at_once(engine, attempts):
    """How many of these calls were refused."""

    def refused(attempt):
        try:
            attempt()
        except ConflictError:
            return True
        return False

    with ThreadPoolExecutor(len(attempts)) as pool:
        return sum(pool.map(refused, attempts))


def test_the_last_key_stays_unless_asked_twice(engine):
    create_key(engine, SYSTEM, "reader", ["read"])
    last = _admin_key(engine)
    with pytest.raises(ConflictError, match="winback key create --scope admin"):
        revoke_key(engine, SYSTEM, last)
    other = _admin_key(engine)
    revoke_key(engine, SYSTEM, last)
    revoke_key(engine, SYSTEM, last)
    revoke_key(engine, SYSTEM, other, force=True)


def test_a_key_that_ends_sooner_is_no_other(engine):
    lasting, ending = _admin_key(engine, now() + 2 * HOUR), _admin_key(engine, now() + HOUR)
    with pytest.raises(ConflictError):
        revoke_key(engine, SYSTEM, lasting)
    revoke_key(engine, SYSTEM, ending)


@pytest.mark.parametrize("keys_there", [2, 5])
def test_keys_that_revoke_one_another_at_once_leave_one(engine, keys_there):
    made = [_admin_key(engine) for _ in range(keys_there)]
    assert _at_once(engine, [lambda key=key: revoke_key(engine, SYSTEM, key) for key in made]) == 1
    assert len(_working(engine)) == 1


@pytest.mark.parametrize("change", [UserChange(disabled=True), UserChange(role="viewer")])
def test_the_last_administrator_stays_one(engine, change):
    first, second = _admin(engine, "first"), _admin(engine, "second")
    attempts = [lambda user=user: change_user(engine, SYSTEM, user, change) for user in (first, second)]
    assert _at_once(engine, attempts) == 1
    left = [each["id"] for each in users(engine, SYSTEM, Wanted())["items"]
            if each["role"] == "admin" and not each["disabled_at"]]  # fmt: skip
    with pytest.raises(ConflictError, match="force=true"):
        change_user(engine, SYSTEM, left[0], change)
    change_user(engine, SYSTEM, left[0], UserChange(password="battery staple horse"))
    change_user(engine, SYSTEM, left[0], change, force=True)
