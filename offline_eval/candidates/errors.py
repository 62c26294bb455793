"""What can go wrong when candidates are named.

UnknownCandidateError   a policy that is not there, or that this log cannot judge
└── PolicyFaultsError   an analyst's own policy whose rows make no sense
"""

from collections.abc import Sequence


class UnknownCandidateError(Exception):
    """A policy that is not there, or that this log cannot judge; the message says what there is."""


class PolicyFaultsError(UnknownCandidateError):
    """An analyst's own policy that cannot be judged; `faults` names rows and remedies, all at once."""

    def __init__(self, policy: str, faults: Sequence[str]) -> None:
        super().__init__(f"the policy '{policy}' cannot be judged:\n" + "\n".join(f"  {fault}" for fault in faults))
        self.policy, self.faults = policy, tuple(faults)
