"""SquareCB: inverse gap weighting around an online regression (Foster & Rakhlin 2020, algorithm 1)."""

from typing import Any, ClassVar

from bandit.policies.parameters import Number, Parameter
from bandit.policies.vw_policy import VwPolicy


class SquareCb(VwPolicy):
    """P(a) = 1 / (K + γ_t gap_a) for all but the best arm, which gets the rest; γ_t = scale · t^exponent."""

    PARAMETERS: ClassVar[dict[str, Parameter]] = {
        "gamma_scale": Number(30.0, 1e-3, 1e6),
        "gamma_exponent": Number(0.5, 0.0, 2.0),
        "learning_rate": Number(0.5, 1e-6, 100.0),
    }

    @staticmethod
    def arguments(params: dict[str, Any]) -> list[str]:
        """Vowpal Wabbit's options for these parameters."""
        return [
            *("--cb_explore_adf", "--squarecb"),
            *("--gamma_scale", f"{params['gamma_scale']:g}", "--gamma_exponent", f"{params['gamma_exponent']:g}"),
            *("-l", f"{params['learning_rate']:g}"),
        ]
