"""Bagging: a vote of models trained on online bootstraps (Oza & Russell 2001)."""

from typing import Any, ClassVar

from bandit.policies.parameters import Number, Parameter
from bandit.policies.vw_policy import VwPolicy


class Bagging(VwPolicy):
    """P(a) = share of the models that prefer a; the floor is mixed in, since an arm may have no vote.

    Learning resumed from bytes draws other bootstrap weights than uninterrupted learning; the pmf of given bytes is
    exact.
    """

    PARAMETERS: ClassVar[dict[str, Parameter]] = {
        "models": Number(5, 1, 100, integer=True),
        "learning_rate": Number(1.0, 1e-6, 100.0),
    }

    @staticmethod
    def arguments(params: dict[str, Any]) -> list[str]:
        """Vowpal Wabbit's options for these parameters."""
        return ["--cb_explore_adf", "--bag", str(params["models"]), "-l", f"{params['learning_rate']:g}"]
