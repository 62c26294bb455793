"""Environments with known truth by name, in sight. A new one is one function (seed, rounds) → World and one line."""

from collections.abc import Callable

from offline_eval.simulation.campaigns import delayed, drifting, heavy_tailed, seasonal, segments, stationary
from offline_eval.simulation.multiclass import breast_cancer, digits, wine
from offline_eval.simulation.world import World

ENVIRONMENTS: dict[str, Callable[[int, int], World]] = {
    "stationary": stationary,
    "drifting": drifting,
    "seasonal": seasonal,
    "delayed": delayed,
    "heavy_tailed": heavy_tailed,
    "segments": segments,
    "digits": digits,
    "wine": wine,
    "breast_cancer": breast_cancer,
}

__all__ = ["ENVIRONMENTS", "World"]
