"""Which passwords are too easy to guess: NIST SP 800-63B-4 (section 3.1.1.2) as a rule instead of a list of millions.

A password has at least 12 characters and no other form. What attackers try first is recognised by what it is made of:
a word of the list, a name of the person or the service, a sequence, a repetition or a year counts as much as one
character, and digits count half. Eight of these are asked for; words that have nothing to do with each other have
them at once.
"""

import re
import secrets
from collections.abc import Iterator

from experiments.errors import Fault
from experiments.model.checks.shape import is_storable

SHORTEST, LONGEST = 12, 1_024
LEAST_WORTH = 8.0

_LISTED = """
abc123 access account admin administrator alexander amanda andrea andrew angel anthony april asshole august austin
autumn azerty bailey banana baseball basketball batman berlin blink buster butterfly campaign changeme charlie cheese
chelsea chocolate computer cookie corvette customer daniel dashboard december default demo diamond dragon dubsmash
email eminem england february ferrari flower football forever freedom friday friend fuckyou fussball gandalf geheim
george germany ginger google guest hallo hammer hannah hannover harley heaven hello herbst hockey hunter iceman
iloveyou internet january jasmine jennifer jessica jordan joshua july june junior killer kitten letmein liverpool
login london lovely maggie manager march marketing marlboro martin master matrix matthew maverick mercedes merlin
michael michelle midnight mobile monday money monkey mother mustang mypassword naruto nicole nothing november october
office orange pass passw0rd passwd password passwort patrick pepper pokemon princess private purple qwerty qwertz
ranger reengage robert root samantha samsung saturday schatz secret secure security september server service shadow
silver soccer sommer spring starwars sternchen success summer sunday sunshine superman support team temp test testing
thomas thunder thursday tigger trustno1 tuesday user viewer wachtwoord warrior website wednesday welcome whatever
willkommen winback winner winter wizard yankees
"""
_PHRASES = ("correct horse battery staple", "correcthorsebatterystaple", "correct-horse-battery-staple")
WORDS = frozenset((*_PHRASES, *_LISTED.split()))
"""What stands at the top of every list of leaked passwords, months, days, seasons, and the words of this trade."""

_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiopü",
    "azertyuiop",
    "asdfghjklöä",
    "yxcvbnm",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "1q2w3e4r5t6z7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "!@#$%^&*()",
    '!"§$%&/()=',
)
_SEQUENCES = (*_ROWS, *(row[::-1] for row in _ROWS))
_WRITTEN = str.maketrans("013457@$!€", "oieastasie")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SHORT = 3
"""Pieces of fewer characters are no pattern."""


def password_faults(password: str, email: str) -> list[Fault]:
    """What is wrong with a password for this person, with the remedy."""
    if not SHORTEST <= len(password) <= LONGEST:
        return [
            Fault("/password", f"has {SHORTEST} to {LONGEST:,} characters; four words that do not belong together do")
        ]
    if not is_storable(password):
        return [Fault("/password", "contains a NUL or half of a surrogate pair")]
    if worth(password, email) < LEAST_WORTH:
        return [
            Fault(
                "/password",
                "is easy to guess: it is mostly common words, names, years, sequences or repetitions; "
                "add words that have nothing to do with you or with each other",
            )
        ]
    return []


def invented_password(email: str) -> str:
    """A random password of 120 bits that the rule accepts for this person."""
    while password_faults(password := secrets.token_urlsafe(15), email):
        pass
    return password


def worth(password: str, email: str) -> float:
    """How many characters the password is worth to somebody who tries patterns before anything else."""
    text = password.lower()
    words = WORDS | {part for part in re.split(r"[^a-z0-9]+", email.lower()) if len(part) >= _SHORT}
    return sum(_worths(text, text.translate(_WRITTEN), words))


def _worths(text: str, plain: str, words: frozenset[str]) -> Iterator[float]:
    """Of each piece of the text: from where it begins, the longest pattern is taken."""
    start = 0
    while start < len(text):
        length = max(
            _sequence(text, start),
            _repetition(text, start),
            max((_word(form, start, words) for form in {text, plain}), default=0),
            4 if _YEAR.match(text, start) else 0,
        )
        yield 1.0 if length or not text[start].isdigit() else 0.5
        start += length or 1


def _sequence(text: str, start: int) -> int:
    """Length of the part of a row of keys or of the alphabet that begins here; 0: none of length _SHORT."""
    best = 0
    for row in _SEQUENCES:
        length = _SHORT
        while text[start : start + length] in row and start + length <= len(text):
            best, length = max(best, length), length + 1
    return best


def _repetition(text: str, start: int) -> int:
    """Length of what stood before already, such as the `aa…` after an `a` or the second `abc` of `abcabc…`; 0: none."""
    best = 0
    for before in range(max(0, start - 32), start):
        length = 0
        while start + length < len(text) and text[before + length] == text[start + length]:
            length += 1
        best = max(best, length if length >= _SHORT or (before == start - 1 and length > 1) else 0)
    return best


def _word(text: str, start: int, words: frozenset[str]) -> int:
    """Length of the longest of the words that begins here; 0: none."""
    longest = min(len(text) - start, 32)
    return next((length for length in range(longest, _SHORT - 1, -1) if text[start : start + length] in words), 0)
