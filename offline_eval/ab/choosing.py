"""Which comparison a readout uses unless it is told."""

from offline_eval.ab.comparisons.always_valid import AlwaysValid, scarcest
from offline_eval.ab.comparisons.exact import Exact
from offline_eval.ab.comparisons.welch import Welch
from offline_eval.ab.contrast import Comparison
from offline_eval.ab.sample import Sample
from offline_eval.ab.scarcity import FEW


def comparison_for(treated: Sample, control: Sample, running: bool, alpha: float = 0.05) -> Comparison:
    """While running, the always-valid sequence; at a fixed look the exact test for few events, else Welch's."""
    if running:
        return AlwaysValid(alpha)
    few = treated.binary and control.binary and min(scarcest(treated), scarcest(control)) < FEW
    return Exact(alpha) if few else Welch(alpha)
