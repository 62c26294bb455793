"""What can go wrong in off-policy evaluation.

OffPolicyError
├── BatchError          columns that do not fit together, or numbers no estimator may see
├── MissingColumnError  an estimator needs a column that the batch does not carry
└── NoSupportError      the logged arms never agree with the target: there is nothing to estimate from
"""


class OffPolicyError(Exception):
    """Base of everything that off-policy evaluation raises."""


class BatchError(OffPolicyError):
    """A batch whose columns contradict each other; the message names the row and the remedy."""


class MissingColumnError(OffPolicyError):
    """An estimator needs a column that the batch does not carry."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(f"column {column!r} is needed: {why}")
        self.column = column


class NoSupportError(OffPolicyError):
    """No logged row has an arm that the target policy would choose, so the log says nothing about the target."""
