"""A marketer's own table, segment → arm: what people would have chosen, for comparison."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from bandit.errors import PolicySpecError, RuleError
from bandit.policies.fixed_choice import FixedChoice, certain
from bandit.policies.parameters import floor_faults, pointer
from bandit.rounds import NOTHING, Arm, Context, FeatureSpec, Pmf, PolicySpec
from bandit.rules import Rule, compile_rule

Row = tuple[Callable[[Mapping[str, object]], bool], str]


class Rules(FixedChoice):
    """The arm of the first row in `params.rules` ({when, arm}) whose rule holds and whose arm is eligible.

    Then `params.default`, then `nothing`; NoEligibleArmError where none of them is eligible. `list` is another name
    for `rules`, as log specs write it.
    """

    randomises: ClassVar[bool] = False
    reads_context: ClassVar[bool] = True

    def __init__(self, spec: PolicySpec, features: FeatureSpec) -> None:
        super().__init__(spec, features)
        faults = floor_faults(spec)
        for name in set(spec.params) - {"rules", "list", "default"}:
            faults[f"/params/{pointer(name)}"] = "unknown parameter of rules; known: rules, default"
        self._default = spec.params.get("default", NOTHING)
        if not isinstance(self._default, str) or not self._default:
            faults["/params/default"] = "must name an arm"
        self._rows = _compile_rows(spec, faults)
        if faults:
            raise PolicySpecError(faults)

    def pmf(self, context: Context, arms: Sequence[Arm]) -> Pmf:
        """Shape (K,), one probability of 1."""
        wanted = [arm for holds, arm in self._rows if holds(context)]
        return certain(arms, *wanted, str(self._default), NOTHING)

    @classmethod
    def arms_named(cls, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Those of the table, and what is given beyond it: `nothing` unless another arm is named."""
        if isinstance(params.get("default", NOTHING), str):
            yield "/default", params.get("default", NOTHING)
        for name in ("rules", "list"):
            table = params.get(name)
            for place, row in enumerate(table if isinstance(table, list | tuple) else []):
                if isinstance(row, Mapping) and isinstance(row.get("arm"), str):
                    yield f"/{name}/{place}/arm", row["arm"]


def _compile_rows(spec: PolicySpec, faults: dict[str, str]) -> list[Row]:
    name = "list" if "list" in spec.params else "rules"
    table = spec.params.get(name, [])
    if not isinstance(table, list | tuple):
        faults[f"/params/{name}"] = "must be a list of {when, arm}"
        return []
    rows = (_compile_row(row, f"/params/{name}/{place}", faults) for place, row in enumerate(table))
    return [row for row in rows if row is not None]


def _compile_row(row: object, where: str, faults: dict[str, str]) -> Row | None:
    if not isinstance(row, Mapping) or set(row) != {"when", "arm"}:
        faults[where] = "must be an object with `when` and `arm`"
        return None
    if not isinstance(row["arm"], str) or not row["arm"]:
        faults[f"{where}/arm"] = "must name an arm"
    rule: Rule = row["when"]
    try:
        return compile_rule(rule), str(row["arm"])
    except RuleError as error:
        faults.update({f"{where}/when{place}": fault for place, fault in error.faults.items()})
        return None
