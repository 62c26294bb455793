"""Why a verdict's intervals are wider than those of a table beside it."""

from collections.abc import Sequence

from offline_eval.ab.verdict import Finding


def width_told(findings: Sequence[Finding], alpha: float, *, running: bool) -> str:
    """In words; "" where they are as wide as one comparison's at one look and level `alpha`, or none has bounds.

    `findings` were computed at their share of `alpha` (see `share_of_alpha`), and where `running`, for every look.
    """
    levels = [finding.estimate.alpha for finding in findings if finding.gain]
    if not levels:
        return ""
    told, wider = [], []
    if min(levels) < alpha * (1 - 1e-9):
        count = round(alpha / min(levels))
        told.append(f"are at {100 * (1 - min(levels)):.4g} %, because {count} comparisons share {100 * alpha:.3g} %")
        wider.append("of one comparison")
    if running:
        told.append("hold at every look")
        wider.append("at one look")
    return f"the intervals told here {', and '.join(told)}: wider than those {' '.join(wider)}" if told else ""
