"""Which comparison a readout uses unless it is told."""

from offline_eval.ab.comparisons.always_valid import AlwaysValid, scarcest
from offline_eval.ab.comparisons.exact import Exact
from offline_eval.ab.comparisons.welch import Welch
from offline_eval.ab.comparisons.winsorised import Winsorised
from offline_eval.ab.comparisons.withheld import Withheld
from offline_eval.ab.contrast import Comparison
from offline_eval.ab.limits import light
from offline_eval.ab.sample import Sample
from offline_eval.ab.scarcity import FEW


def comparison_for(treated: Sample, control: Sample, running: bool, alpha: float = 0.05) -> Comparison:
    """While running, the always-valid sequence; at a fixed look the exact test for few events, else Welch's.

    Skewed means without limits are compared up to a cap where the samples have sketches, and the note says which; else
    they get no bounds, and the note says what to state.
    """
    if running:
        return AlwaysValid(alpha)
    few = treated.binary and control.binary and min(scarcest(treated), scarcest(control)) < FEW
    if not light(treated, control):
        return Winsorised(alpha) if treated.sketch and control.sketch else Withheld(alpha)
    return Exact(alpha) if few else Welch(alpha)
