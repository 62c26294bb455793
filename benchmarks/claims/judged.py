"""Whether a verdict is wrong, the truth being known."""

from collections.abc import Sequence

from benchmarks.claims.counting import Seen
from offline_eval.ab.verdict import Finding, Verdict


def verdict_is_wrong(
    found: Verdict, primaries: Sequence[Finding], guardrails: Sequence[Finding], effects: Sequence[float]
) -> Seen:
    """Called better without being so is a wrong "ship"; "stop for harm" where nothing called worse is, a wrong stop.

    `effects` are the true differences of the primaries; guardrails are never harmed. What is called better or worse are
    the findings whose whole interval is.
    """
    if found.word not in ("ship", "stop for harm"):
        return Seen("verdict", False, False)
    if any(finding.gain and finding.gain[2] < -finding.worthwhile for finding in guardrails):
        return Seen("verdict", True, True)
    known = [(finding.gain, effect) for finding, effect in zip(primaries, effects, strict=True) if finding.gain]
    if found.word == "ship":
        return Seen("verdict", True, any(gain[1] > 0 and effect <= 0 for gain, effect in known))
    called = [effect for gain, effect in known if gain[2] < 0]
    return Seen("verdict", True, not called or any(effect >= 0 for effect in called))
