"""Bodies and answers of the OpenFeature Remote Evaluation Protocol, in its spelling."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

ErrorCode = Literal["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "FLAG_NOT_FOUND", "GENERAL"]


class EvaluationRequest(Struct):
    """The evaluation context: `targetingKey` is the unit, everything else that is a feature its context."""

    context: Annotated[dict[str, Any], Meta(description="targetingKey and features")] = {}


class Evaluation(Struct):
    """One evaluated flag. Without a `value` the caller's own default holds: nothing was drawn, and `reason` says why.

    `variant` is the arm. `metadata` has the decision: decision_id, experiment_variant, propensity and others.
    """

    key: str
    reason: Literal["SPLIT", "TARGETING_MATCH", "DEFAULT", "DISABLED"]
    variant: str
    metadata: dict[str, bool | str | float | int]
    value: Any | UnsetType = UNSET


class EvaluationFailure(Struct, rename="camel"):
    """Why a flag could not be evaluated."""

    error_code: ErrorCode
    error_details: str
    key: str | UnsetType = UNSET


class Evaluations(Struct):
    """Every flag that there is a decision for, in the order of their keys: as for one, or as its failure."""

    flags: list[dict[str, Any]]
