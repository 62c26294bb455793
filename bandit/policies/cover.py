"""Online cover (Agarwal, Hsu, Kale, Langford, Li & Schapire 2014, ILOVETOCONBANDITS)."""

from typing import Any, ClassVar

from bandit.policies.parameters import Number, Parameter
from bandit.policies.vw_policy import VwPolicy


class Cover(VwPolicy):
    """A few policies that cover the plausible choices; the floor is mixed in, since cover gives arms probability zero.

    Learning resumed from bytes drifts from uninterrupted learning (its state is not stored in full); the pmf of given
    bytes is exact.
    """

    PARAMETERS: ClassVar[dict[str, Parameter]] = {
        "policies": Number(5, 1, 100, integer=True),
        "psi": Number(0.1, 0.0, 10.0),
        "learning_rate": Number(0.5, 1e-6, 100.0),
    }

    @staticmethod
    def arguments(params: dict[str, Any]) -> list[str]:
        """Vowpal Wabbit's options for these parameters."""
        return [
            *("--cb_explore_adf", "--cover", str(params["policies"]), "--psi", f"{params['psi']:g}"),
            *("--nounif", "--cb_type", "dr", "-l", f"{params['learning_rate']:g}"),
        ]
