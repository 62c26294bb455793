"""RegCB: optimism by confidence bounds of a regression (Foster, Agarwal, Dudík, Luo & Schapire 2018)."""

from typing import Any, ClassVar

from bandit.policies.parameters import Number, Parameter
from bandit.policies.vw_policy import VwPolicy


class RegCb(VwPolicy):
    """The arm of the greatest upper bound; the floor alone keeps the others alive.

    `--first_only` belongs to it: without it the optimistic variant gives no pmf. The costs are declared to lie in
    [-1, 0], else it plays uniformly; scaled rewards are clipped to that.
    """

    clips_reward: ClassVar[bool] = True
    PARAMETERS: ClassVar[dict[str, Parameter]] = {
        "mellowness": Number(0.01, 1e-9, 100.0),
        "learning_rate": Number(1.0, 1e-6, 100.0),
    }

    @staticmethod
    def arguments(params: dict[str, Any]) -> list[str]:
        """Vowpal Wabbit's options for these parameters."""
        return [
            *("--cb_explore_adf", "--regcb", "--regcbopt", "--first_only", "--mellowness", f"{params['mellowness']:g}"),
            *("--cb_min_cost", "-1", "--cb_max_cost", "0", "-l", f"{params['learning_rate']:g}"),
        ]
