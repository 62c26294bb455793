"""Linear Thompson sampling (Agrawal & Goyal 2013) with the marginal probability of every arm."""

from typing import ClassVar

from bandit.best import best_of_normals
from bandit.linear import Floats
from bandit.policies.linear_policy import LinearPolicy
from bandit.policies.parameters import Number, Parameter
from bandit.rounds import Pmf


class LinearThompson(LinearPolicy):
    """P(a) = the posterior probability that arm a is the best, by quadrature; no posterior is drawn.

    What the arms are unsure of alike cancels in the comparison and is left out of their spreads (exact where all pairs
    of arms are equally correlated). `scale` multiplies the deviations; one half earns more in every world of
    `benchmarks/quality.py` than the posterior's own 1.
    """

    PARAMETERS: ClassVar[dict[str, Parameter]] = {"scale": Number(0.5, 1e-3, 100.0)}

    def decide(self, means: Floats, deviations: Floats) -> Pmf:
        """Shapes (K,), (K,) → (K,)."""
        return best_of_normals(means, deviations * self.params["scale"] + 1e-300)
