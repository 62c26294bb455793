"""An experimenter's own rules."""

from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bandit.errors import RuleError
from bandit.rules import compile_rule
from experiments.services.segmenting.segmenter import Assigned, Segmenter
from experiments.services.segmenting.source import Source

MEMBER = "member"


def _checked(rule: Any) -> Any:
    try:
        compile_rule(rule)
    except RuleError as error:
        raise ValueError("; ".join(f"{where or '/'}: {why}" for where, why in error.faults.items())) from error
    return rule


class Case(BaseModel):
    """A value, and the JsonLogic that it takes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    value: str = Field(min_length=1, max_length=100)
    when: Any

    @field_validator("when")
    @classmethod
    def _compiles(cls, when: Any) -> Any:
        return _checked(when)


class Rules(Segmenter):
    """The value of the first of `rules` that holds for a stored unit; `rule` alone is one with the value `member`.

    Rules look at the profile, at features of the history, and at other segments as of their last refresh.
    """

    rule: Any = None
    rules: list[Case] = Field(default=[], max_length=100)

    @model_validator(mode="after")
    def _one_of_them(self) -> "Rules":
        if (self.rule is None) == (not self.rules):
            raise ValueError("give either `rule` or `rules`")
        return self

    @field_validator("rule")
    @classmethod
    def _compiles(cls, rule: Any) -> Any:
        return _checked(rule)

    def assign(self, source: Source) -> Assigned:
        """See Segmenter."""
        cases = self.rules or [Case(value=MEMBER, when=self.rule)]
        tests = [(compile_rule(case.when), case.value) for case in cases]
        units, values = [], []
        for unit_id, context in source.contexts():
            value = next((value for holds, value in tests if holds(context)), None)
            if value is not None:
                units.append(unit_id)
                values.append(value)
        return Assigned(pa.array(units, pa.string()), values)
