"""Epsilon-greedy: the best known arm, and now and then any."""

from typing import Any, ClassVar

from bandit.policies.parameters import Number, Parameter
from bandit.policies.vw_policy import VwPolicy


class EpsilonGreedy(VwPolicy):
    """With probability epsilon all arms alike, else the best (Langford & Zhang 2007)."""

    PARAMETERS: ClassVar[dict[str, Parameter]] = {
        "epsilon": Number(0.05, 0.0, 1.0),
        "learning_rate": Number(1.0, 1e-6, 100.0),
    }

    @staticmethod
    def arguments(params: dict[str, Any]) -> list[str]:
        """Vowpal Wabbit's options for these parameters."""
        return ["--cb_explore_adf", "--epsilon", f"{params['epsilon']:g}", "-l", f"{params['learning_rate']:g}"]
