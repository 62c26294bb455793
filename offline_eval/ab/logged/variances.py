"""How much one or two weighted means vary, and how skewed that makes them."""

from offline_eval.ab.logged.people import Clustered, clustered
from offline_eval.ab.logged.side import Side
from offline_eval.ab.logged.skewed import third_moment
from offline_eval.ab.logged.stratified import stratified


def known_of(sides: tuple[Side, ...]) -> Clustered:
    """Variances between units, or between rows where every unit has one: then the freedom is Welch's."""
    if sides[0].people is not None:
        return clustered(sides)
    if all(side.strata is not None for side in sides):
        return stratified(sides)
    variances = tuple(side.variance for side in sides)
    people = sum(side.n for side in sides)
    lost = sum(v**2 / max(side.alike - 1, 1e-9) for v, side in zip(variances, sides, strict=True))
    freedom = sum(variances) ** 2 / lost if lost > 0 else float(people - len(sides))
    return Clustered(variances, 0.0, freedom if min(side.n for side in sides) > 1 else 0.0, people)


def variance_of(known: Clustered) -> float:
    """Of the difference."""
    return max(sum(known.variances) - 2 * known.covariance, 0.0)


def skews_of(known: Clustered, sides: tuple[Side, ...], error: float) -> tuple[float, ...]:
    """Of each mean as a part of the difference's error; 1.0 stands for a mean's own."""
    thirds = [third_moment(side) / side.weight**3 for side in sides]
    scale = known.variances[0] ** 1.5 if len(sides) == 1 else error**3
    return tuple(third / scale if scale > 0 else 0.0 for third in thirds)
