"""Limits of an experiment as its definition writes them: caps, quiet hours, budget."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from experiments.model.designing.fields import Duration, Key, Moment
from experiments.model.designing.wording import TIME_OF_DAY

MICRO = 1_000_000
"""Money is counted in millionths of the currency, so that sums are exact."""

Amount = Annotated[float, Field(ge=0, le=1e12)]
TimeOfDay = Annotated[str, StringConstraints(pattern=TIME_OF_DAY)]


def micros(amount: float) -> int:
    """An amount of money in millionths."""
    return round(amount * MICRO)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ContactCap(_Part):
    """At most `max` contacts of a unit within any span of this length.

    A contact is a decision for any arm but `nothing`. `scope` says which are counted: this experiment's, or those of
    every experiment on the server's clock.
    """

    per: Literal["unit"] = "unit"
    max: Annotated[int, Field(ge=0, le=1_000_000)]
    within: Duration
    scope: Literal["experiment", "service"] = "experiment"


class RewardCaps(_Part):
    """At most this much reward cost, committed or paid: per unit (`within` a span, else ever) and in all."""

    per_unit: Amount | None = None
    within: Duration | None = None
    total: Amount | None = None


class ArmCap(_Part):
    """At most `total` decisions for the arm."""

    total: Annotated[int, Field(ge=0, le=10**12)]


class CapsDefinition(_Part):
    """How often, and for how much. `arms` maps an arm's key to its cap."""

    contacts: Annotated[list[ContactCap], Field(max_length=10)] = []
    reward: RewardCaps | None = None
    arms: dict[Key, ArmCap] = {}


class QuietHoursDefinition(_Part):
    """When nobody is contacted: from one local time to another, over midnight where `to` is the earlier.

    The zone is the profile's or context's `time_zone`, else the one given here, else the experiment's. An arm whose
    attribute `send_hour` is a number is judged by that hour instead of the time of the decision.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    begin: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")
    time_zone: str | None = None


class BudgetDefinition(_Part):
    """What rewards and contacts may cost in all, in the experiment's currency; the hard limit is on committed cost.

    `pacing` "even" spends it over the time until `ends_at` (else the experiment's own) through a shadow price on cost.
    After `ends_at` nothing more is spent.
    """

    amount: Amount
    ends_at: Moment | None = None
    pacing: Literal["even", "none"] = "even"
