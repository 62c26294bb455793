"""Reading a TOML table key by key, gathering every fault instead of stopping at the first."""

import difflib
from collections.abc import Mapping
from typing import Any

Faults = dict[str, str]

LARGEST = 1.7e308
"""Beyond it a number is none that can be computed with."""


class Section:
    """One table of a spec. Every key that nobody asked for is a fault when `close` is called."""

    def __init__(self, pointer: str, data: object, faults: Faults) -> None:
        self.pointer, self.faults = pointer, faults
        self.asked: set[str] = set()
        self.data: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
        if not isinstance(data, Mapping):
            self.fault("", "must be a table")

    def fault(self, key: str, sentence: str) -> None:
        """Note what is wrong with a key; the first word on a key stands."""
        self.faults.setdefault(f"{self.pointer}/{key}" if key else self.pointer or "/", sentence)

    def get(self, key: str, default: object = None) -> Any:
        """The raw value."""
        self.asked.add(key)
        return self.data.get(key, default)

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A string, "" by default."""
        value = self.get(key, default)
        if not isinstance(value, str):
            self.fault(key, f"must be a string, not {value!r}")
            return default
        if required and not value:
            self.fault(key, "is missing" if key not in self.data else "must not be empty")
        return str(value)

    def number(self, key: str, default: float) -> float:
        """A finite number."""
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
            self.fault(key, f"must be a finite number, not {value!r}")
            return default
        return float(value)

    def flag(self, key: str) -> bool:
        """A boolean, false by default."""
        value = self.get(key, False)
        if not isinstance(value, bool):
            self.fault(key, f"must be true or false, not {value!r}")
        return value is True

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of distinct, non-empty strings."""
        value = self.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.fault(key, f"must be a list of names, not {value!r}")
            return ()
        if len(set(value)) < len(value):
            self.fault(key, "names something twice")
        return tuple(value)

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of numbers."""
        value = self.get(key, [])
        fits = isinstance(value, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
        if not fits:
            self.fault(key, f"must be a list of numbers, not {value!r}")
            return ()
        return tuple(float(item) for item in value)

    def section(self, key: str) -> "Section":
        """The table below; an empty one where absent."""
        return Section(f"{self.pointer}/{key}", self.get(key, {}), self.faults)

    def sections(self, key: str) -> "list[Section]":
        """A list of tables."""
        value = self.get(key, [])
        if not isinstance(value, list):
            self.fault(key, "must be a list of tables")
            return []
        return [Section(f"{self.pointer}/{key}/{index}", item, self.faults) for index, item in enumerate(value)]

    def close(self) -> None:
        """Every key must have been asked for."""
        for key in self.data.keys() - self.asked:
            near = difflib.get_close_matches(key, sorted(self.asked), 1)
            meant = f"; did you mean '{near[0]}'?" if near else f"; known here: {', '.join(sorted(self.asked))}"
            self.fault(key, f"is not known{meant}")
