"""Trust checks, shown before any lift. To add one: a file here, a line in CHECKS; its suite tests it."""

from offline_eval.ab.checks.adaptive_ratio import AdaptiveRatio
from offline_eval.ab.checks.check import CheckResult, TrustCheck
from offline_eval.ab.checks.day_of_week import DayOfWeek
from offline_eval.ab.checks.draw_independence import DrawIndependence
from offline_eval.ab.checks.exposure import Exposure
from offline_eval.ab.checks.novelty import Novelty
from offline_eval.ab.checks.outcome_lag import OutcomeLag
from offline_eval.ab.checks.propensity_calibration import PropensityCalibration
from offline_eval.ab.checks.sample_ratio import SampleRatio
from offline_eval.ab.checks.void_rates import VoidRates

CHECKS: dict[str, type[TrustCheck]] = {
    "sample_ratio": SampleRatio,
    "adaptive_ratio": AdaptiveRatio,
    "propensity_calibration": PropensityCalibration,
    "draw_independence": DrawIndependence,
    "void_rates": VoidRates,
    "exposure": Exposure,
    "outcome_lag": OutcomeLag,
    "novelty": Novelty,
    "day_of_week": DayOfWeek,
}

__all__ = ["CHECKS", "CheckResult", "TrustCheck"]
