"""Which arms are left before anything is sampled, and why the others are not (law 3)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from bandit.rounds import NOTHING, Arm, Scalar
from bandit.rules import compile_rule
from experiments.model.designing.definition import ArmDefinition, Definition, PolicyDefinition

_SETS_KEPT = 4096

NOTHING_LEFT = "nothing_left"
"""The policy that records name where limits, rules or adjustments left the variant no arm: its unit got `nothing`."""

WITHDRAWN = "withdrawn"
"""Why an arm is out that the arm catalogue has withdrawn."""

PAUSE = "variant paused: "
"""How the reason begins by which a paused variant excludes every arm but one."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An adjustment as deciding sees it: `enabled` (0 or 1), `cost` or `weight` of one arm by hand, or `withdrawn`."""

    arm: str
    kind: str
    value: float
    reason: str
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A variant is paused: its units get `arm` and nothing else, because of `reason`."""

    arm: str
    reason: str


@dataclass(frozen=True, slots=True)
class EligibleSet:
    """The eligible arms in the definition's order, their keys, and why each other arm is out."""

    arms: tuple[Arm, ...]
    keys: list[str]
    excluded: dict[str, str]
    costs: dict[str, float]


def with_nothing_left(found: EligibleSet) -> EligibleSet:
    """The set of a unit whom its variant's policy cannot give any of these arms: `nothing` is among them."""
    keys = found.keys if NOTHING in found.keys else [NOTHING, *found.keys]
    excluded = {key: why for key, why in found.excluded.items() if key != NOTHING}
    return EligibleSet(found.arms, keys, excluded, found.costs)


class Eligibility:
    """The eligible arms of one variant under the adjustments in force; equal sets are one object, so that policies
    recognise what they have encoded."""

    def __init__(
        self, definition: Definition, policy: PolicyDefinition, adjusted: Iterable[Adjusted], pause: Pause | None = None
    ) -> None:
        listed = definition.arms_with_nothing if names_nothing(policy) else definition.arms
        in_force = {(item.kind, item.arm): item for item in adjusted if item.arm != NOTHING}
        self._arms = [_costed(arm, in_force.get(("cost", arm.key))) for arm in listed]
        self._costs = {arm.key: item.value for arm in listed if (item := in_force.get(("cost", arm.key)))}
        self._fixed = {arm.key: why for arm in listed if (why := _disabled(in_force.get(("enabled", arm.key))))}
        self._fixed |= {arm.key: WITHDRAWN for arm in listed if (WITHDRAWN, arm.key) in in_force}
        self._paused = {arm.key: pause.reason for arm in listed if arm.key != pause.arm} if pause else {}
        self._rules = [(place, rule) for place, arm in enumerate(listed) if (rule := _rule(arm, self._fixed))]
        self._sets: dict[tuple[object, ...], EligibleSet] = {}

    @property
    def is_open(self) -> bool:
        """Whether every arm stands for everybody, limits aside."""
        return not self._rules and not self._fixed

    def given(self, facts: Mapping[str, Scalar], barred: Mapping[str, str] | None = None) -> EligibleSet:
        """The eligible set for these facts; `barred` are arms that limits leave out, and why."""
        failed = tuple([place for place, rule in self._rules if not rule(facts)]) if self._rules else ()
        place = (failed, *barred.items()) if barred else failed
        found = self._sets.get(place)
        return self._new_set(place, failed, barred or {}) if found is None else found

    def _new_set(self, place: tuple[object, ...], failed: tuple[int, ...], barred: Mapping[str, str]) -> EligibleSet:
        limited = {arm.key: barred[arm.key] for arm in self._arms if arm.key in barred}
        excluded = (
            self._paused | limited | self._fixed | {self._arms[place].key: "its rule does not hold" for place in failed}
        )
        arms = tuple(arm for arm in self._arms if arm.key not in excluded)
        keys = [arm.key for arm in arms]
        made = EligibleSet(arms, keys, excluded, {key: self._costs[key] for key in keys if key in self._costs})
        if len(self._sets) >= _SETS_KEPT:
            self._sets.clear()
        self._sets[place] = made
        return made


def names_nothing(policy: PolicyDefinition) -> bool:
    """Whether the policy names the reserved arm itself, so that it is eligible without being listed."""
    return any(arm == NOTHING for _, arm in policy.arms_named)


def _costed(arm: ArmDefinition, cost: Adjusted | None) -> Arm:
    return arm.as_arm() if cost is None else replace(arm.as_arm(), reward_cost=cost.value)


def _disabled(switch: Adjusted | None) -> str | None:
    return f"disabled: {switch.reason}" if switch is not None and not switch.value else None


def _rule(arm: ArmDefinition, fixed: Mapping[str, str]) -> Callable[[Mapping[str, Scalar]], bool] | None:
    return None if arm.eligible is None or arm.key in fixed else compile_rule(arm.eligible)
