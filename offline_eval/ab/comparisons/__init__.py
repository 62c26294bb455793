"""Ways to compare a group with the control. To add one: a file here, a line in COMPARISONS; its suite tests it."""

from offline_eval.ab.comparisons.adjusted import Adjusted
from offline_eval.ab.comparisons.always_valid import AlwaysValid
from offline_eval.ab.comparisons.bayes import Bayes
from offline_eval.ab.comparisons.cuped import Cuped
from offline_eval.ab.comparisons.exact import Exact
from offline_eval.ab.comparisons.large_sample import LargeSample
from offline_eval.ab.comparisons.non_inferiority import NonInferiority
from offline_eval.ab.comparisons.quantile import Quantile
from offline_eval.ab.comparisons.ratio import Ratio
from offline_eval.ab.comparisons.welch import Welch
from offline_eval.ab.comparisons.winsorised import Winsorised
from offline_eval.ab.contrast import Comparison

COMPARISONS: dict[str, type[Comparison]] = {
    "always_valid": AlwaysValid,
    "welch": Welch,
    "large_sample": LargeSample,
    "exact": Exact,
    "bayes": Bayes,
    "cuped": Cuped,
    "adjusted": Adjusted,
    "ratio": Ratio,
    "quantile": Quantile,
    "winsorised": Winsorised,
    "non_inferiority": NonInferiority,
}
