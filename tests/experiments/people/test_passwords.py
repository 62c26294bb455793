"""Passwords that somebody who knows people, and lists of leaked passwords, would try first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.model.access.passwords import LONGEST, SHORTEST, WORDS, invented_password, password_faults

ANA = "ana.miller@example.com"
GUESSABLE = [
    "aaaaaaaaaaaa",
    "abababababab",
    "abcabcabcabcabc",
    "aaaabbbbcccc",
    "123456789012",
    "112233445566",
    "482913750261",
    "01/01/1990 01",
    "qwertyuiop12",
    "qwertzuiop2026",
    "1q2w3e4r5t6y",
    "q1w2e3r4t5y6",
    "zaq12wsxcde3",
    "Password1234!",
    "P@ssw0rd2026!!",
    "passwordpassword",
    "MyPassword123!",
    "letmeinletmein1",
    "Summer2026!Summer",
    "JanuaryFebruary",
    "winback-admin-2026",
    "Winback2026!!",
    "WINBACKwinback",
    "ana.miller@example.com",
    "ana.miller1990",
    "Miller!Miller!",
    "example2026example",
    "correct horse battery staple",
    "CorrectHorseBatteryStaple",
    "            ",
    "!!!!!!!!!!!!",
]
GOOD = ["purple anvil kettle moss", "correct horse battery", "tr0ub4dor&3zebra", "giraffenhalsband", "vX9-kq_Lw2Tz"]


@pytest.mark.parametrize("password", GUESSABLE)
def test_what_would_be_tried_first_is_refused_with_the_remedy(password):
    (fault,) = password_faults(password, ANA)
    assert fault.pointer == "/password" and "add words" in fault.detail


@pytest.mark.parametrize("password", GOOD)
def test_what_is_hard_to_guess_needs_no_form(password):
    assert not password_faults(password, ANA)


@pytest.mark.parametrize(
    "password", ["", "short", "x9-kq_Lw2Tz", "vX9-kq_Lw2Tz" * 100, "vX9-kq_Lw2\0Tz", "vX9-kq_Lw2\ud800Tz"]
)
def test_length_and_what_no_database_keeps(password):
    assert password_faults(password, ANA)


def test_long_ones_are_welcome():
    assert not password_faults(("purple anvil kettle moss " * 50)[:LONGEST], ANA) or LONGEST < SHORTEST


@given(
    st.sampled_from(sorted(WORDS)),
    st.integers(0, 9999),
    st.sampled_from(["", "!", "?", ".", "!!", "#1"]),
    st.integers(1, 4),
)
def test_no_word_of_the_list_with_a_number_and_a_sign_will_do(word, number, sign, times):
    assert password_faults(f"{word.capitalize()}{number}{sign}" * times, ANA)


@given(st.characters(codec="ascii"), st.integers(SHORTEST, 60))
def test_no_repetition_will_do(character, length):
    assert password_faults(character * length, ANA)
    assert password_faults(f"{character}x"[:2] * length, ANA)


def test_invented_ones_pass_and_differ():
    invented = {invented_password(ANA) for _ in range(200)}
    assert len(invented) == 200
    assert not any(password_faults(password, ANA) for password in invented)
