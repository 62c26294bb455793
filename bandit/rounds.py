"""The vocabulary that every room shares, as frozen dataclasses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Scalar: TypeAlias = float | int | str | bool | None
Context: TypeAlias = Mapping[str, Scalar]
Pmf: TypeAlias = NDArray[np.float64]

NOTHING = "nothing"
"""Key of the reserved arm of zero cost."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One action. Amounts and costs in the experiment's currency; `cost_on` names when the reward cost falls due."""

    key: str
    event_type: str | None = None
    reward_kind: str | None = None
    reward_amount: float = 0.0
    reward_cost: float = 0.0
    cost_on: str = "decision"
    contact_cost: float = 0.0
    attributes: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """Which context names are features, and of which type; version 1 of the encoding.

    With both tuples empty every name in the context is a feature, its type read off its value.
    """

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """A policy by name, with its floor (least probability of an eligible arm, learned policies only) and parameters."""

    name: str
    floor: float | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    """A logged round: what was known, what could be done, what was done with which probability, what it earned.

    Attributes:
        arms: the K eligible arms in the order of `pmf`.
        chosen: index into `arms`.
        pmf: shape (K,), float64, sums to 1.
        propensity: probability with which `chosen` was drawn; the marginal one where the learner sees all variants.
        reward: the objective over the matured decision (maximised).
        person: 64 random bits that stand for the unit; None where every round is somebody else's.
    """

    context: Context
    arms: Sequence[Arm]
    chosen: int
    pmf: Pmf
    propensity: float
    reward: float
    person: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """An arm together with the probability it was drawn with."""

    arm: Arm
    index: int
    pmf: Pmf
    propensity: float
