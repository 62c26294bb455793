"""Trust checks of an experiment, from sums that the joiner keeps: what is shown before any lift.

A check whose data are not there says "not enough data" instead of passing. Each one fails wrongly at most once in a
thousand experiments over their whole lives, looked at as often as one likes, but for `novelty` and `day_of_week`, which
hold for one look and only warn.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from bandit.rounds import NOTHING
from experiments.model.designing.controls import control_of
from experiments.model.designing.definition import Definition
from experiments.model.tables.core import Experiment
from experiments.model.times import duration_micros
from experiments.model.trust_sums import CALIBRATION, DRAWS, EXPOSURE, RATIO
from experiments.store.designing.revisions import definitions_of
from experiments.store.rollups.assigned import Units, assigned_units
from experiments.store.rollups.trust_sums import read_trust
from experiments.views.trust.effects import effects
from experiments.views.trust.exposures import fallback_check
from experiments.views.trust.lags import lags
from experiments.views.trust.voids import void_rates
from offline_eval.ab.checks import CHECKS, CheckResult
from offline_eval.ab.checks.adaptive_ratio import AdaptiveRatio, Draws
from offline_eval.ab.checks.draw_independence import DrawIndependence
from offline_eval.ab.checks.exposure import Exposure
from offline_eval.ab.checks.propensity_calibration import EDGES, PropensityCalibration
from offline_eval.ab.checks.sample_ratio import Enrolment, SampleRatio

NOT_ENOUGH = "not enough data"
COMPLETE = "completeness"
MISSING = 0.01
"""Share of matured decisions that may be missing: those of people who were erased before they matured."""

Rows = Mapping[str, list[float]]
"""Place → sums."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What checks read: their sums by name, units as they were assigned, definitions of all revisions, the control."""

    sums: Mapping[str, Rows]
    assigned: Units
    definitions: Mapping[int, Definition]
    newest: Definition

    @property
    def control(self) -> str:
        """The variant that the others are compared with."""
        return control_of(self.newest)


def checks(connection: Connection, experiment_row: Experiment, matured: float) -> list[CheckResult]:
    """Every check, in the order of CHECKS; `matured` decisions say whether the sums hold all that has matured."""
    number = int(experiment_row.id or 0)
    sums: dict[str, dict[str, list[float]]] = defaultdict(dict)
    stored = read_trust(connection, number)
    for key, row in stored.items():
        sums[key.name][key.place] = row.tolist()
    newest = Definition.model_validate(experiment_row.definition)
    assigned, definitions = assigned_units(connection, number, stored), definitions_of(connection, number)
    evidence = Evidence(sums, assigned, definitions, newest)
    results = [result for name in CHECKS for result in READERS[name](evidence)]
    results += _fallback_exposures(connection, number, evidence)
    return [_worded(result) for result in [*_complete(evidence, matured), *results]]


def _worded(result: CheckResult) -> CheckResult:
    if result.status != "too_few":
        return result
    return replace(result, detail=f"{NOT_ENOUGH}: {result.detail}")


def _complete(evidence: Evidence, matured: float) -> list[CheckResult]:
    """Nothing to say where the sums hold what has matured."""
    counted = sum(sum(bins) for bins in evidence.sums[DRAWS].values())
    if matured - counted <= MISSING * matured:
        return []
    detail = f"{matured - counted:.0f} of {matured:.0f} matured decisions are not in the checks below and not in arms'"
    return [CheckResult(COMPLETE, "warning", None, f"{detail} contrasts: winback rebuild --replace adds them")]


def _fallback_exposures(connection: Connection, number: int, evidence: Evidence) -> list[CheckResult]:
    """Nothing to say where every call was answered."""
    drawn = {variant: int(sum(bins)) for variant, bins in evidence.sums[DRAWS].items()}
    window = duration_micros(evidence.newest.attribution_window)
    result = fallback_check(connection, number, window, drawn)
    return [] if result is None else [result]


def _sample_ratio(evidence: Evidence) -> list[CheckResult]:
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for (revision, variant), units in evidence.assigned.items():
        counts[revision][variant] = units
    if not counts:
        return [CheckResult("sample_ratio", "too_few", None, "no unit has been assigned")]
    if all(len(evidence.definitions[number].variants) < 2 for number in counts):
        return [CheckResult("sample_ratio", "too_few", None, "there is only one variant")]
    shares = {
        number: {variant.key: variant.share for variant in evidence.definitions[number].variants} for number in counts
    }
    return [SampleRatio({number: Enrolment(counts[number], shares[number]) for number in counts}).result()]


def _adaptive_ratio(evidence: Evidence) -> list[CheckResult]:
    return [AdaptiveRatio({arm: Draws(*sums) for arm, sums in evidence.sums[RATIO].items()}).result()]


def _propensity_calibration(evidence: Evidence) -> list[CheckResult]:
    flat = evidence.sums[CALIBRATION].get("", [])
    bins = {edge: Draws(*flat[3 * at : 3 * at + 3]) for at, edge in enumerate(EDGES) if flat and flat[3 * at + 1]}
    return [PropensityCalibration(bins).result()]


def _draw_independence(evidence: Evidence) -> list[CheckResult]:
    table = {variant: tuple(int(count) for count in bins) for variant, bins in evidence.sums[DRAWS].items()}
    return [DrawIndependence(table).result()]


def _void_rates(evidence: Evidence) -> list[CheckResult]:
    return void_rates(evidence.sums, evidence.newest)


def _exposure(evidence: Evidence) -> list[CheckResult]:
    table = {variant: (int(seen), int(not_seen)) for variant, (seen, not_seen) in evidence.sums[EXPOSURE].items()}
    if not any(seen for seen, _ in table.values()):
        detail = f"no outcome says that an arm other than {NOTHING} was delivered or viewed"
        return [CheckResult("exposure", "too_few", None, detail)]
    return [Exposure(table).result()]


def _outcome_lag(evidence: Evidence) -> list[CheckResult]:
    return lags(evidence.sums)


def _novelty(evidence: Evidence) -> list[CheckResult]:
    return [effects(evidence.sums, evidence.control).novelty()]


def _day_of_week(evidence: Evidence) -> list[CheckResult]:
    return [effects(evidence.sums, evidence.control).day_of_week()]


READERS: dict[str, Callable[[Evidence], list[CheckResult]]] = {
    "sample_ratio": _sample_ratio,
    "adaptive_ratio": _adaptive_ratio,
    "propensity_calibration": _propensity_calibration,
    "draw_independence": _draw_independence,
    "void_rates": _void_rates,
    "exposure": _exposure,
    "outcome_lag": _outcome_lag,
    "novelty": _novelty,
    "day_of_week": _day_of_week,
}
"""One for each of CHECKS: from the stored sums to what the check says."""
