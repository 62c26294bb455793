"""Guessing passwords as an attacker would, from one address and from many, while the right person signs in."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from experiments.errors import TooManyError, UnauthenticatedError
from experiments.model.access.principal import SYSTEM
from experiments.model.times import DAY, HOUR, SECOND
from experiments.services.access import limiting_guesses
from experiments.services.access.granting_users import create_user
from experiments.services.access.limiting_guesses import FREE, Origin, admit, network_of, succeed
from experiments.services.access.passwords import verify_password
from experiments.store.core.engine import reading

ANA, PASSWORD = "ana@example.com", "correct horse battery"
HOME, EVIL = Origin("192.0.2.1"), Origin("198.51.100.66")


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        at = 1_800_000_000 * SECOND

        def __call__(self):
            return self.at

    clock = Clock()
    monkeypatch.setattr(limiting_guesses, "now", clock)
    return clock


@pytest.fixture
def ana(engine, clock):
    create_user(engine, SYSTEM, ANA, PASSWORD, "viewer")


def guess(engine, email, origin):
    """Whether one guess was looked at; what it then costs to look is left out."""
    try:
        admit(engine, email, origin)
    except TooManyError:
        return False
    return True


def a_day_of_guesses(engine, clock, email, origins, step):
    """How many guesses are looked at within a day by somebody who never waits longer than `step`."""
    end, looked_at = clock.at + DAY, 0
    while clock.at < end:
        for origin in origins:
            while guess(engine, email, origin):
                looked_at += 1
        clock.at += step
    return looked_at


def test_five_guesses_of_a_stranger_shut_nobody_out(engine, ana):
    for _ in range(FREE):
        with pytest.raises(UnauthenticatedError):
            verify_password(engine, ANA, "not this one at all", EVIL)
    with pytest.raises(TooManyError) as stopped:
        verify_password(engine, ANA, PASSWORD, EVIL)
    assert 0 < stopped.value.retry_after <= 15
    assert verify_password(engine, ANA, PASSWORD, HOME).user.email == ANA


def test_pauses_double_up_to_an_hour_and_are_forgotten_when_the_password_comes(engine, ana, clock):
    waits = []
    while len(waits) < 10:
        try:
            admit(engine, ANA, HOME)
        except TooManyError as error:
            waits.append(error.retry_after)
            clock.at += error.retry_after * SECOND
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    verify_password(engine, ANA, PASSWORD, HOME)
    assert all(guess(engine, ANA, HOME) for _ in range(FREE))


def test_one_address_gets_few_guesses_at_one_account_a_day(engine, clock):
    assert a_day_of_guesses(engine, clock, ANA, [EVIL], HOUR // 60) <= 40


def test_one_address_gets_few_guesses_at_all_accounts_together(engine, clock):
    looked_at = sum(guess(engine, f"user{number}@example.com", EVIL) for number in range(60))
    assert looked_at == 30
    clock.at += HOUR
    assert sum(guess(engine, f"other{number}@example.com", EVIL) for number in range(150)) == 30


def test_choosing_addresses_within_a_network_of_ipv6_helps_nobody(engine, clock):
    origins = [Origin(f"2001:db8:1:2::{number:x}") for number in range(1, 60)]
    assert sum(guess(engine, ANA, origin) for origin in origins) == FREE
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")


def test_many_addresses_get_few_guesses_at_one_account(engine, clock):
    crowd = [Origin(f"203.0.{number // 250}.{number % 250}") for number in range(500)]
    assert sum(guess(engine, ANA, origin) for origin in crowd) == 100
    clock.at += HOUR
    assert sum(guess(engine, ANA, origin) for origin in crowd) == 12


def exhaust(engine, email):
    """A crowd guesses until nobody new may."""
    number = 0
    while guess(engine, email, Origin(f"10.{number // 250}.{number % 250}.1")):
        number += 1


def test_the_right_person_gets_in_while_a_crowd_guesses(engine, ana):
    device = verify_password(engine, ANA, PASSWORD, HOME).device
    exhaust(engine, ANA)
    with pytest.raises(TooManyError):
        verify_password(engine, ANA, PASSWORD, Origin("192.0.2.99"))
    assert verify_password(engine, ANA, PASSWORD, HOME), "from where the person was before"
    travelling = Origin("192.0.2.99", device)
    assert verify_password(engine, ANA, PASSWORD, travelling).device == device, "in a browser that is known"


def test_a_known_browser_passes_when_its_own_network_guesses(engine, ana):
    device = verify_password(engine, ANA, PASSWORD, HOME).device
    for number in range(60):
        guess(engine, f"user{number}@example.com", HOME)
        guess(engine, ANA, HOME)
    with pytest.raises(TooManyError):
        verify_password(engine, ANA, PASSWORD, HOME)
    assert verify_password(engine, ANA, PASSWORD, Origin(HOME.address, device))


def test_a_stolen_browser_token_is_limited_too_and_opens_no_other_account(engine, ana):
    device = verify_password(engine, ANA, PASSWORD, HOME).device
    thief = Origin(EVIL.address, device)
    assert sum(guess(engine, ANA, thief) for _ in range(20)) == FREE
    exhaust(engine, "bob@example.com")
    assert not guess(engine, "bob@example.com", thief)


def test_a_planted_token_never_becomes_known(engine, ana):
    proven = verify_password(engine, ANA, PASSWORD, Origin(HOME.address, "planted"))
    assert proven.device != "planted"
    exhaust(engine, ANA)
    assert not guess(engine, ANA, Origin(EVIL.address, "planted"))


def test_names_that_nobody_has_are_limited_alike(engine, ana):
    assert a_row_of_answers(engine, ANA) == a_row_of_answers(engine, "nobody@example.com")


def a_row_of_answers(engine, email):
    answers = []
    for number in range(FREE + 1):
        with pytest.raises((UnauthenticatedError, TooManyError)) as refused:
            verify_password(engine, email, f"wrong password {number}", Origin("203.0.113.5"))
        answers.append((type(refused.value), str(refused.value)))
    return answers


def test_attempts_at_the_same_time_in_several_processes_are_counted_each(engine, clock):
    """The count is in the database and comes before the look at the password."""
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: guess(engine, ANA, EVIL), range(24))) == FREE


def test_right_passwords_use_nothing_up(engine, clock):
    for _ in range(150):
        succeed(engine, admit(engine, ANA, Origin("192.0.2.77")))
    assert all(guess(engine, f"user{number}@example.com", Origin("192.0.2.77")) for number in range(30))


def test_nobody_is_named_and_what_says_nothing_any_more_goes(engine, ana, clock):
    guess(engine, ANA, HOME)
    clock.at += 2 * DAY
    guess(engine, "other@example.com", EVIL)
    with reading(engine) as session:
        rows = session.connection().execute(text("SELECT * FROM guess_marks")).fetchall()
    assert len(rows) == 3
    assert "example" not in str(rows) and "198.51" not in str(rows)


def test_refusals_are_logged_without_names_that_nobody_has(engine, ana):
    with capture_logs() as lines:
        for email in (ANA, "my secret password"):
            with pytest.raises(UnauthenticatedError):
                verify_password(engine, email, "wrong password here", EVIL)
    assert "secret" not in str(lines)
    refusals = [line for line in lines if line["event"] != "security event"]
    told = [(line["event"], line["reason"], line["account"], line["address"]) for line in refusals]
    assert told == [
        ("sign-in refused", "wrong", ANA, EVIL.address),
        ("sign-in refused", "wrong", "unknown", EVIL.address),
    ]
    signs = [(line["kind"], line["subject"]) for line in lines if line["event"] == "security event"]
    assert signs == [("sign_in_failed", f"user:{ANA}"), ("sign_in_failed", "")]
