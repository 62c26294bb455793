"""Learned policies by name, in sight: those of the service, and Vowpal Wabbit's offline reductions."""

from typing import Any, ClassVar

from bandit.policies import POLICIES
from bandit.policies.parameters import Number, Parameter
from bandit.policies.vw_policy import VwPolicy
from bandit.policy import Policy


class _Offline(VwPolicy):
    """The greedy policy of one reduction of logged feedback to cost-sensitive learning (Dudík et al. 2014)."""

    reduction: ClassVar[str]
    PARAMETERS: ClassVar[dict[str, Parameter]] = {"learning_rate": Number(0.5, 1e-6, 100.0)}

    @classmethod
    def arguments(cls, params: dict[str, Any]) -> list[str]:
        """No exploration: what is judged is the policy that was learned."""
        rate = f"{params['learning_rate']:g}"
        return ["--cb_explore_adf", "--epsilon", "0", "--cb_type", cls.reduction, "-l", rate]


class Ips(_Offline):
    """Inverse propensity scoring."""

    reduction = "ips"


class Dm(_Offline):
    """The direct method: regression on the chosen arms alone."""

    reduction = "dm"


class Dr(_Offline):
    """Doubly robust."""

    reduction = "dr"


class Mtr(_Offline):
    """Multi-task regression, importance weighted."""

    reduction = "mtr"


LEARNERS: dict[str, type[Policy]] = {
    **{name: policy for name, policy in POLICIES.items() if policy.learned},
    "vw_ips": Ips,
    "vw_dm": Dm,
    "vw_dr": Dr,
    "vw_mtr": Mtr,
}
