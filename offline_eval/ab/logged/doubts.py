"""What stands beside every number of a log that failed a trust check."""

from collections.abc import Sequence
from dataclasses import replace

from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.contrast import Contrast


def doubts(checks: Sequence[CheckResult]) -> str:
    """Why no interval of the log claims to cover; "" where no check failed."""
    failed = [check.name for check in checks if check.status == "failed"]
    plural = "s" if len(failed) > 1 else ""
    return f"claims no coverage (check{plural} failed: {', '.join(failed)})" if failed else ""


def with_doubt(note: str, doubt: str) -> str:
    """Both, whichever there are."""
    return "; ".join(part for part in (note, doubt) if part)


def doubted(contrast: Contrast, doubt: str) -> Contrast:
    """The contrast with the doubt beside it, where it has a number to doubt."""
    if contrast.absolute.value is None:
        return contrast
    return replace(contrast, note=with_doubt(contrast.note, doubt))
