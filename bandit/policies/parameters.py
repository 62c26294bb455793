"""Reading a policy's specification: every fault is named at once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bandit.errors import PolicySpecError
from bandit.rounds import PolicySpec

FLOOR_MASS = 0.02
"""Without a floor of its own a learned policy spends this much probability, in all, on its floor: 0.02 / K an arm."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number within [low, high]; whole where `integer`."""

    default: float | None
    low: float = -math.inf
    high: float = math.inf
    integer: bool = False

    def fault(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        kind = int if self.integer else (int, float)
        if value is None and self.default is None:
            return None
        if isinstance(value, bool) or not isinstance(value, kind):
            return f"must be {'an integer' if self.integer else 'a number'}, not {value!r}"
        if not self.low <= value <= self.high:
            return f"must lie between {self.low:g} and {self.high:g}, not {value!r}"
        return None


@dataclass(frozen=True, slots=True)
class Range:
    """A pair [low, high] of finite numbers, or None."""

    default: tuple[float, float] | None = None

    def fault(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        if value is None:
            return None
        if not isinstance(value, list | tuple) or len(value) != 2:
            return f"must be a pair [low, high], not {value!r}"
        if any(isinstance(bound, bool) or not isinstance(bound, int | float) for bound in value):
            return f"must hold two numbers, not {value!r}"
        if not all(math.isfinite(bound) for bound in value) or not value[0] < value[1]:
            return f"must be finite with low below high, not {value!r}"
        return None


Parameter = Number | Range


def read_parameters(spec: PolicySpec, known: Mapping[str, Parameter]) -> dict[str, Any]:
    """The specification's parameters with defaults filled in. Raises PolicySpecError with every fault."""
    faults = floor_faults(spec)
    for name, value in spec.params.items():
        fault = known[name].fault(value) if name in known else _unknown(spec.name, known)
        if fault is not None:
            faults[f"/params/{pointer(name)}"] = fault
    if faults:
        raise PolicySpecError(faults)
    return {name: spec.params.get(name, parameter.default) for name, parameter in known.items()}


def _unknown(policy: str, known: Mapping[str, Parameter]) -> str:
    return f"unknown parameter of {policy}; known: {', '.join(known) or 'none'}"


def floor_faults(spec: PolicySpec) -> dict[str, str]:
    """What is wrong with the floor: it must lie in (0, 1] where it is given."""
    floor = spec.floor
    if floor is None or (not isinstance(floor, bool) and isinstance(floor, int | float) and 0.0 < floor <= 1.0):
        return {}
    return {"/floor": f"must be a probability above 0, not {floor!r}"}


def floor_of(spec: PolicySpec, count: int) -> float:
    """The least probability of each of `count` eligible arms, at most 1 / count."""
    return min(spec.floor if spec.floor is not None else FLOOR_MASS / count, 1.0 / count)


def pointer(name: str) -> str:
    """One reference token of a JSON pointer (RFC 6901)."""
    return str(name).replace("~", "~0").replace("/", "~1")
