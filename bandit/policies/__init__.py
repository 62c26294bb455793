"""Every policy by name, in sight. A new one is one file and one line here; the conformance suite finds it."""

from bandit.errors import PolicySpecError
from bandit.policies.bagging import Bagging
from bandit.policies.cover import Cover
from bandit.policies.epsilon_greedy import EpsilonGreedy
from bandit.policies.fixed import Fixed
from bandit.policies.linear_thompson import LinearThompson
from bandit.policies.linucb import LinUcb
from bandit.policies.listed import LISTED_ARM, Listed
from bandit.policies.regcb import RegCb
from bandit.policies.rules import Rules
from bandit.policies.softmax import Softmax
from bandit.policies.split import Split
from bandit.policies.squarecb import SquareCb
from bandit.policies.thompson import Thompson
from bandit.policies.uniform import Uniform
from bandit.policy import Policy
from bandit.rounds import FeatureSpec, PolicySpec

POLICIES: dict[str, type[Policy]] = {
    "uniform": Uniform,
    "fixed": Fixed,
    "split": Split,
    "listed": Listed,
    "rules": Rules,
    "epsilon_greedy": EpsilonGreedy,
    "softmax": Softmax,
    "squarecb": SquareCb,
    "regcb": RegCb,
    "cover": Cover,
    "bagging": Bagging,
    "linear_thompson": LinearThompson,
    "linucb": LinUcb,
    "thompson": Thompson,
}

DEFAULT_POLICY = "linucb"
"""The recommended policy: the smallest worst-case regret over the worlds of `benchmarks/quality.py`."""

__all__ = ["DEFAULT_POLICY", "LISTED_ARM", "POLICIES", "build", "restore"]


def _named(spec: PolicySpec) -> type[Policy]:
    if spec.name not in POLICIES:
        raise PolicySpecError({"/name": f"unknown policy {spec.name!r:.60}; known: {', '.join(POLICIES)}"})
    return POLICIES[spec.name]


def build(spec: PolicySpec, features: FeatureSpec) -> Policy:
    """A fresh policy. Raises PolicySpecError naming every fault."""
    return _named(spec).build(spec, features)


def restore(spec: PolicySpec, features: FeatureSpec, data: bytes) -> Policy:
    """A policy from `Policy.to_bytes`. Raises PolicySpecError or SnapshotError."""
    return _named(spec).from_bytes(spec, features, data)
