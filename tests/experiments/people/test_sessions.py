"""Sign-ins end when they should, as somebody who stole a token would find out."""

import pytest
from sqlmodel import select

from experiments.errors import InvalidError, UnauthenticatedError
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.sessions import SignIn
from experiments.model.times import HOUR, SECOND
from experiments.services.access import passwords as authenticating_people
from experiments.services.access import signing_in
from experiments.services.access.granting_users import UserChange, change_user, create_user
from experiments.services.access.limiting_guesses import Origin
from experiments.services.access.signing_in import IDLE, LIFE, SignIns
from experiments.store.core.engine import reading

ANA, PASSWORD, OTHER = "ana@example.com", "correct horse battery", "purple anvil kettle moss"
HOME = Origin("192.0.2.1")


@pytest.fixture
def ana(engine):
    return create_user(engine, SYSTEM, ANA, PASSWORD, "viewer", own=True)


@pytest.fixture
def people(engine, ana):
    return SignIns(engine)


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        at = signing_in.now()

        def __call__(self):
            return self.at

    clock = Clock()
    monkeypatch.setattr(signing_in, "now", clock)
    return clock


def lives(people, token):
    try:
        people.person(token)
    except UnauthenticatedError:
        return False
    return True


def test_another_password_ends_all_sign_ins_but_begins_one(engine, people):
    stolen, own = people.sign_in(ANA, PASSWORD, HOME).token, people.sign_in(ANA, PASSWORD, HOME).token
    elsewhere = SignIns(engine)
    assert lives(elsewhere, stolen)
    renewed = people.change_password(own, PASSWORD, OTHER, HOME).token
    assert [lives(elsewhere, token) for token in (stolen, own, renewed)] == [False, False, True]
    with pytest.raises(UnauthenticatedError):
        people.sign_in(ANA, PASSWORD, HOME)
    assert people.sign_in(ANA, OTHER, HOME)


@pytest.mark.parametrize(
    "change", [UserChange(disabled=True), UserChange(role="experimenter"), UserChange(password=OTHER)]
)
def test_what_an_administrator_changes_ends_every_sign_in_at_once(engine, people, ana, change):
    token = people.sign_in(ANA, PASSWORD, HOME).token
    assert lives(people, token)
    change_user(engine, SYSTEM, ana, change)
    assert not lives(people, token)
    change_user(engine, SYSTEM, ana, UserChange(disabled=False))
    assert not lives(people, token), "and it does not come back"


def test_other_people_stay(engine, people, ana):
    create_user(engine, SYSTEM, "bob@example.com", PASSWORD, "viewer")
    token = people.sign_in("bob@example.com", PASSWORD, HOME).token
    change_user(engine, SYSTEM, ana, UserChange(password=OTHER))
    assert lives(people, token)


def test_signing_out_ends_the_token_everywhere(engine, people):
    token = people.sign_in(ANA, PASSWORD, HOME).token
    elsewhere = SignIns(engine)
    assert lives(elsewhere, token)
    people.sign_out(token)
    assert not lives(elsewhere, token)


def test_a_token_that_was_there_before_is_never_the_one_after(people):
    planted = people.sign_in(ANA, PASSWORD, HOME).token
    own = people.sign_in(ANA, PASSWORD, HOME, before=planted).token
    assert own != planted
    assert not lives(people, planted) and lives(people, own)


def test_a_sign_in_ends_after_a_while_without_use(people, clock):
    token = people.sign_in(ANA, PASSWORD, HOME).token
    for _ in range(3):
        clock.at += IDLE - HOUR
        assert lives(people, token)
    clock.at += IDLE
    assert not lives(people, token)


def test_and_after_half_a_day_however_it_is_used(people, clock):
    token = people.sign_in(ANA, PASSWORD, HOME).token
    end = clock.at + LIFE
    while clock.at < end:
        assert lives(people, token)
        clock.at += HOUR
    assert not lives(people, token)


def test_what_ended_is_deleted_at_the_next_sign_in(engine, people, clock):
    people.sign_in(ANA, PASSWORD, HOME)
    clock.at += IDLE + SECOND
    people.sign_in(ANA, PASSWORD, HOME)
    with reading(engine) as session:
        assert len(session.exec(select(SignIn)).all()) == 1


def test_a_password_changed_between_the_look_and_the_sign_in_wins(engine, people, ana, monkeypatch):
    """Who proved the old password a moment ago gets no token after the change."""

    def slow(*arguments):
        proven = authenticating_people.verify_password(*arguments)
        change_user(engine, SYSTEM, ana, UserChange(password=OTHER))
        return proven

    monkeypatch.setattr(signing_in, "verify_password", slow)
    with pytest.raises(UnauthenticatedError):
        people.sign_in(ANA, PASSWORD, HOME)


def test_only_who_knows_the_current_password_changes_it(people):
    token = people.sign_in(ANA, PASSWORD, HOME).token
    with pytest.raises(UnauthenticatedError):
        people.change_password(token, "not this one at all", OTHER, HOME)
    for wanted in ("aaaaaaaaaaaa", PASSWORD):
        with pytest.raises(InvalidError):
            people.change_password(token, PASSWORD, wanted, HOME)
    assert lives(people, token)
    assert people.sign_in(ANA, PASSWORD, HOME)


def test_whose_password_somebody_else_knows_has_to_choose_one(engine, people):
    number = create_user(engine, SYSTEM, "bob@example.com", PASSWORD, "viewer")
    token = people.sign_in("bob@example.com", PASSWORD, HOME).token
    assert people.person(token).password_due
    token = people.change_password(token, PASSWORD, OTHER, HOME).token
    assert not people.person(token).password_due
    change_user(engine, SYSTEM, number, UserChange(password=PASSWORD))
    assert people.person(people.sign_in("bob@example.com", PASSWORD, HOME).token).password_due
