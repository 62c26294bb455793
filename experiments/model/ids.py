"""Ids of decisions: 63-bit integers that rise with time, written `d_` and 13 characters of Crockford's base 32.

41 bits of milliseconds since 2024, 10 random bits of the process, 12 bits of a counter. Two processes that chose the
same node may collide; the primary key then refuses one of them, and it draws another id.
"""

import secrets
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from experiments.model.times import now

PREFIX = "d_"
LENGTH = 13
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_VALUES = {char: value for value, char in enumerate(_ALPHABET)}
_LETTERS = np.frombuffer(_ALPHABET.encode(), dtype=np.uint8)
_PREFIXED = np.frombuffer(PREFIX.encode(), dtype=np.uint8)
_DIGITS = np.zeros(256, dtype=np.int64)
_DIGITS[_LETTERS] = np.arange(32)
_START_MS = 1_704_067_200_000
_NODE_BITS, _COUNTER_BITS = 10, 12
_SHIFTS = (50, 40, 30, 20, 10, 0)


class DecisionIds:
    """A source of rising ids for one process; not for several threads at once."""

    def __init__(self, node: int | None = None) -> None:
        chosen = secrets.randbelow(1 << _NODE_BITS) if node is None else node
        self._node = chosen << _COUNTER_BITS
        self._last = 0
        self._count = 0

    def next(self, at: int | None = None) -> int:
        """The next id. `at` is the server's clock in microseconds; a clock that steps back doesn't bring ids back."""
        ms = (now() if at is None else at) // 1000 - _START_MS
        if ms > self._last:
            self._last, self._count = ms, 0
        elif self._count == (1 << _COUNTER_BITS) - 1:
            self._last, self._count = self._last + 1, 0
        else:
            self._count += 1
        return self._last << (_NODE_BITS + _COUNTER_BITS) | self._node | self._count


def first_id(at: int) -> int:
    """The least id that can be drawn at an instant of the server's clock; what was drawn before is smaller."""
    return max(at // 1000 - _START_MS, 0) << (_NODE_BITS + _COUNTER_BITS)


def second_of(number: int) -> int:
    """In which second since the start of ids one was drawn."""
    return (number >> (_NODE_BITS + _COUNTER_BITS)) // 1000


def ids_of_second(second: int) -> tuple[int, int]:
    """The ids drawn in it: the first, and the first that is not."""
    return (second * 1000) << (_NODE_BITS + _COUNTER_BITS), ((second + 1) * 1000) << (_NODE_BITS + _COUNTER_BITS)


def first_id_at(at: int) -> int:
    """The least id that a decision made at this instant of the server's clock (microseconds) can have."""
    return max(0, at // 1000 - _START_MS) << (_NODE_BITS + _COUNTER_BITS)


def public_id(number: int) -> str:
    """The form in which callers see a decision's id."""
    return "d_" + _ALPHABET[number >> 60] + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def public_ids(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bytes_]:
    """`public_id` of many, (n,)."""
    digits = numbers[:, None] >> np.arange(5 * (LENGTH - 1), -1, -5) & 31
    written = np.hstack([np.broadcast_to(_PREFIXED, (len(numbers), len(PREFIX))), _LETTERS[digits]])
    return np.ascontiguousarray(written).view(f"S{len(PREFIX) + LENGTH}").ravel()


def decision_number(text: str) -> int:
    """The inverse of `public_id`. Raises ValueError for anything that it never writes."""
    body = text[len(PREFIX) :]
    if not text.startswith(PREFIX) or len(body) != LENGTH or not set(body) <= _VALUES.keys():
        raise ValueError("a decision's id is d_ and 13 characters of 0-9 and a-z without i, l, o, u")
    number = 0
    for char in body:
        number = number << 5 | _VALUES[char]
    if number >> 63:
        raise ValueError("no decision has an id as large as this")
    return number


def decision_numbers(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """`decision_number` of many that `public_id` wrote, (n,)."""
    digits = np.array(texts, dtype=f"S{len(PREFIX) + LENGTH}").view(np.uint8).reshape(-1, len(PREFIX) + LENGTH)
    numbers = np.zeros(len(texts), dtype=np.int64)
    for column in digits[:, len(PREFIX) :].T:
        numbers = numbers << 5 | _DIGITS[column]
    return numbers
