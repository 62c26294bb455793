"""Harm in events too rare for an asymptotic interval: exact at every count, at every look.

Units come to one of two groups with a known chance, whatever they will do. With π the chance of the treated group,
D = X 1{treated} / π - (1 + r) X 1{control} / (1 - π) - a has a mean of at most 0 as long as the treated group's rate is
at most (1 + r) times the control's plus a. Then Π (1 + λ D) is a supermartingale for each λ that keeps it positive, and
so is a mixture over λ (Waudby-Smith & Ramdas 2024, *Estimating means of bounded random variables by betting*, JRSS B
86, 1-27): it ever reaches 1/α at most at rate α (Ville 1939). D takes three values, so that the product is a function
of counts, which add up. Rates may drift and a policy may learn; a unit may come once only.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

TILTS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97])
"""Shares of the largest λ; small ones serve rates that are near each other."""


class Rare(NamedTuple):
    """Counts under one chance of the treated group.

    Attributes:
        units: of both groups. treated, control: how many of each had the event.
        chance: of the treated group, for a unit that is in one of the two.
    """

    units: int
    treated: int
    control: int
    chance: float


def harm(strata: Sequence[Rare], absolute: float = 0.0, relative: float = 0.0) -> float:
    """Log e-value against "the treated rate is at no time above (1 + `relative`) x the control's + `absolute`".

    Units of the treated group that are missing, because nothing could be done to them, make it smaller, never larger.
    """
    found = np.zeros(len(TILTS))
    for units, treated, control, chance in strata:
        loss = (1 + relative) / (1 - chance)
        bet = TILTS / (loss + absolute)
        found += treated * np.log1p(bet * (1 / chance - absolute)) + control * np.log1p(-bet * (loss + absolute))
        found += (units - treated - control) * np.log1p(-bet * absolute)
    return float(logsumexp(found) - np.log(len(TILTS)))
