"""What texts must match, and how it is told: nobody should have to read a regular expression."""

from experiments.model.designing.kinds import OUTCOME_KINDS

KEY = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
WORD = r"^[a-z][a-z0-9_]{0,63}$"
OUTCOME_KIND = r"^[a-z][a-z0-9_]{0,63}(?!\n)$"
"""WORD for msgspec, where `$` also stands before a last newline."""
CURRENCY = r"^[A-Z]{3}$"
TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
NO_NUL = r"^[^\x00]*$"

_NAME = "must be small letters, digits and '_', a letter first, at most 64"
_WORDS = {
    OUTCOME_KIND: f"{_NAME}: one of {', '.join(OUTCOME_KINDS)}, or a kind of your own",
    WORD: _NAME,
    KEY: "must be letters, digits, '.', '_' and '-', a letter or digit first, at most 64",
    CURRENCY: "must be three capital letters, such as EUR",
    TIME_OF_DAY: "must be a time of day, such as 21:00",
    NO_NUL: "must not contain NUL",
}


def in_words(sentence: str) -> str:
    """What msgspec or pydantic say of a text that does not match, in words; other sentences as they are."""
    if "regex" not in sentence and "pattern" not in sentence:
        return sentence
    # msgspec writes the pattern as Python source, with backslashes doubled.
    plain = sentence.replace("\\\\", "\\")
    return next((told for pattern, told in _WORDS.items() if f"'{pattern}'" in plain), sentence)
