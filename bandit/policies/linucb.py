"""LinUCB (Li, Chu, Langford & Schapire 2010) with exploration by its floor."""

from typing import ClassVar

from bandit.linear import Floats
from bandit.policies.linear_policy import LinearPolicy
from bandit.policies.parameters import Number, Parameter
from bandit.rounds import Pmf


class LinUcb(LinearPolicy):
    """The arm of the greatest mean + alpha x deviation; equals share. The floor alone keeps the others alive."""

    PARAMETERS: ClassVar[dict[str, Parameter]] = {"alpha": Number(1.5, 0.0, 100.0)}

    def decide(self, means: Floats, deviations: Floats) -> Pmf:
        """Shapes (K,), (K,) → (K,)."""
        bounds = means + self.params["alpha"] * deviations
        top: Pmf = (bounds == bounds.max()).astype(float)
        top /= top.sum()
        return top
