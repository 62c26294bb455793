"""What can be wrong with a plan.

PlanError  a plan that makes no sense; `faults` maps a JSON pointer to a sentence, all at once
"""


class PlanError(Exception):
    """A plan that cannot be computed."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("the plan has faults:\n" + "\n".join(f"  {at}: {fault}" for at, fault in faults.items()))
        self.faults = faults
