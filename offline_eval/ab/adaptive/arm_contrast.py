"""What is said of an arm, or of an arm against the control, inside an adaptive variant."""

from dataclasses import dataclass
from typing import Any

from offline_eval.ab.adaptive.scores import Scores
from offline_eval.estimate import Estimate


@dataclass(frozen=True, slots=True)
class ArmContrast:
    """An arm's mean (control None) or its difference to the control, over the decisions where both were eligible.

    Attributes:
        absolute: the difference; without a control, the arm's mean.
        relative: the difference over the control's mean; None without a control.
        share: of all decisions, where the arm (both arms) was eligible: the estimand's population.
        expected_events: of the scarcer arm.
        note: why there are no bounds, beside bounds that are None.
    """

    absolute: Estimate
    relative: Estimate | None
    p_value: float | None
    share: float
    expected_events: float
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON form; beside the contract's names the population and what it rests on."""
        document: dict[str, Any] = {"absolute": self.absolute.as_dict(), "p_value": self.p_value}
        document |= {"relative": self.relative.as_dict()} if self.relative else {}
        document |= {"eligible_share": self.share, "expected_events": self.expected_events}
        return document | ({"note": self.note} if self.note else {})


def events_of(found: Scores) -> float:
    """Expected events of the scarcer arm by now."""
    return float(found.expected_events[-1]) if len(found.expected_events) else 0.0


def without_bounds(found: Scores, method: str, alpha: float, value: float | None, note: str) -> ArmContrast:
    """The value alone, and why.

    Of an arm that was never drawn a score knows nothing but its reward model's prior.
    """
    estimate = Estimate(value if found.chosen else None, None, None, found.rounds, float(found.chosen), method, alpha)
    return ArmContrast(estimate, None, None, found.share, events_of(found), note)
