"""The experimenter's own audience: who comes, and what each arm is believed to do to them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit.rounds import Arm, Context
from offline_eval.planning.errors import PlanError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AudienceSegment:
    """Units alike to the policy.

    Attributes:
        name: as shown.
        share: of the audience; shares are scaled to add up to 1.
        context: what the policy sees of them.
        rates: arm → believed chance that the unit comes back.
    """

    name: str
    share: float
    context: Context
    rates: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Audience:
    """Segments × arms, and what a return is worth.

    Attributes:
        value: of one unit that comes back, in money; 1 with arms that cost nothing means regret counts units.
    """

    segments: tuple[AudienceSegment, ...]
    arms: tuple[Arm, ...]
    value: float = 1.0

    def check(self) -> "Audience":
        """This audience, or PlanError with every fault."""
        faults = {} if self.segments else {"/bandit/segments": "at least one segment"}
        if len(self.arms) < 2:
            faults["/arms"] = "at least two arms"
        for place, segment in enumerate(self.segments):
            missing = [arm.key for arm in self.arms if not 0 <= segment.rates.get(arm.key, -1) <= 1]
            if missing:
                faults[f"/bandit/segments/{place}/rates"] = f"needs a rate in [0, 1] for {', '.join(missing)}"
            if segment.share <= 0:
                faults[f"/bandit/segments/{place}/share"] = "must be positive"
        if faults:
            raise PlanError(faults)
        return self

    @property
    def shares(self) -> Floats:
        """(S,) adding up to 1."""
        raw = np.array([segment.share for segment in self.segments], dtype=np.float64)
        return np.asarray(raw / raw.sum())

    @property
    def rates(self) -> Floats:
        """(S, K)."""
        return np.array([[segment.rates[arm.key] for arm in self.arms] for segment in self.segments])

    @property
    def costs(self) -> Floats:
        """(S, K) expected cost of one decision; an incentive that is not paid at the decision is paid on return."""
        due = np.array([arm.cost_on == "decision" for arm in self.arms])
        reward = np.array([arm.reward_cost for arm in self.arms])
        contact = np.array([arm.contact_cost for arm in self.arms])
        return np.asarray(contact + reward * np.where(due, 1.0, self.rates))

    @property
    def worth(self) -> Floats:
        """(S, K) expected value of one decision less its cost: what is maximised."""
        return np.asarray(self.value * self.rates - self.costs)
