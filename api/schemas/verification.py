"""What deriving decisions again came to."""

from pydantic import BaseModel


class DifferenceDocument(BaseModel):
    """A decision that does not follow from what is stored."""

    decision_id: str
    detail: str


class VerificationPage(BaseModel):
    """How many decisions of a page were derived again, and how many draws and pmfs differ."""

    experiment: str
    checked: int
    draws_different: int
    pmfs_different: int
    different: int
    erased: int
    largest_difference: float
    examples: list[DifferenceDocument]
    next_cursor: str | None
