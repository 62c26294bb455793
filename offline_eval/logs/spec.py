"""The log spec: how to read any table of past decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bandit.rounds import Arm

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
"""What a number in the time column counts."""

NET_VALUE = "net_value"
MONEY = frozenset({"revenue", "reward_cost", "contact_cost", NET_VALUE})
"""Metrics in the log's currency."""


@dataclass(frozen=True, slots=True)
class PropensitySpec:
    """How likely the logged choice was; exactly one is set."""

    uniform: bool = False
    column: str | None = None
    within: tuple[str, ...] | None = None
    estimate: bool = False


@dataclass(frozen=True, slots=True)
class ObjectiveSpec:
    """The number a policy maximises: a metric, or net_value = margin x revenue - reward cost - contact cost."""

    maximise: str = ""
    margin: float = 1.0
    range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One line of a marketer's table: the arm where `when` (JsonLogic) holds."""

    when: Mapping[str, Any]
    arm: str


@dataclass(frozen=True, slots=True)
class RulesSpec:
    """A marketer's own table; the first line that holds wins, else the default."""

    default: str
    rows: tuple[RuleRow, ...] = ()


@dataclass(frozen=True, slots=True)
class LogSpec:
    """A spec without faults. Column names are those of the file; an empty name means there is no such column."""

    name: str
    arm: tuple[str, ...]
    propensity: PropensitySpec
    outcomes: Mapping[str, str]
    objective: ObjectiveSpec
    unit: str = ""
    time: str = ""
    time_unit: str = "h"
    control: str = ""
    eligible: str = ""
    pmf: str = ""
    position: str = ""
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    missing: tuple[float, ...] = ()
    arms: tuple[Arm, ...] = ()
    rules: RulesSpec | None = None
    segments: tuple[str, ...] = ()
    shadows: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def strata(self) -> tuple[str, ...]:
        """Columns within which the shares of arms are observed; an eligible set is a stratum of its own."""
        if self.propensity.within is None:
            return ()
        return (*self.propensity.within, *((self.eligible,) if self.eligible else ()))

    @property
    def closed(self) -> bool:
        """Whether `[[arms]]` lists every arm. A list of one cannot be: it only says what that arm costs."""
        return len(self.arms) > 1

    @property
    def declared(self) -> tuple[str, ...]:
        """Every arm the spec speaks of, in its order."""
        named = [arm.key for arm in self.arms]
        named += [self.control] if self.control else []
        if self.rules:
            named += [self.rules.default, *(row.arm for row in self.rules.rows)]
        return tuple(dict.fromkeys(named))

    @property
    def essential(self) -> tuple[str, ...]:
        """The metrics without which the objective of a row is not known."""
        if self.objective.maximise != NET_VALUE:
            return (self.objective.maximise,)
        return ("revenue", *(arm.cost_on for arm in self.arms if arm.cost_on in self.outcomes))

    def columns(self) -> dict[str, str]:
        """Every column that the spec needs → where the spec says so."""
        needs = dict.fromkeys(self.arm, "log.arm")
        for key in ("unit", "time", "eligible", "pmf", "position"):
            needs |= {getattr(self, key): f"log.{key}"} if getattr(self, key) else {}
        needs |= {self.propensity.column: "log.propensity.column"} if self.propensity.column else {}
        needs |= dict.fromkeys(self.propensity.within or (), "log.propensity.within")
        needs |= dict.fromkeys(self.numeric, "context.numeric") | dict.fromkeys(self.categorical, "context.categorical")
        needs |= {column: f"outcomes.{metric}" for metric, column in self.outcomes.items()}
        needs |= {column: f"shadow.{name}" for name, column in self.shadows.items()}
        return needs | dict.fromkeys(self.segments, "segments.by")
