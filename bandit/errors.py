"""What can go wrong when choosing.

BanditError
├── PolicySpecError     a policy's name or parameters make no sense
├── RuleError           a JsonLogic rule that cannot be compiled
├── LabelError          a round that must not be learned (p outside (0, 1], non-finite reward, chosen arm not eligible)
├── NoEligibleArmError  nothing to choose from
└── SnapshotError       bytes that are no snapshot of this policy, or were altered
"""


class BanditError(Exception):
    """Base of everything this room raises."""


class PolicySpecError(BanditError):
    """A policy specification that cannot be built; `faults` maps a JSON pointer below the spec to a sentence."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("; ".join(f"{pointer or '/'}: {fault}" for pointer, fault in faults.items()))
        self.faults = faults


class RuleError(BanditError):
    """A rule that cannot be compiled; `faults` maps a JSON pointer below the rule to a sentence."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("; ".join(f"{pointer or '/'}: {fault}" for pointer, fault in faults.items()))
        self.faults = faults


class LabelError(BanditError):
    """A logged round that no policy may learn from."""


class NoEligibleArmError(BanditError):
    """The eligible set is empty."""


class SnapshotError(BanditError):
    """Bytes that are not the snapshot they claim to be."""
