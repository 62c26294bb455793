"""Softmax (Boltzmann) exploration over predicted rewards."""

from typing import Any, ClassVar

from bandit.policies.parameters import Number, Parameter
from bandit.policies.vw_policy import VwPolicy


class Softmax(VwPolicy):
    """P(a) ∝ exp(temper x predicted reward)."""

    PARAMETERS: ClassVar[dict[str, Parameter]] = {
        "temper": Number(40.0, 0.0, 1e6),
        "learning_rate": Number(1.0, 1e-6, 100.0),
    }

    @staticmethod
    def arguments(params: dict[str, Any]) -> list[str]:
        """Vowpal Wabbit's options for these parameters."""
        return [
            *("--cb_explore_adf", "--softmax", "--lambda", f"{params['temper']:g}"),
            *("-l", f"{params['learning_rate']:g}"),
        ]
