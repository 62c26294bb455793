"""The verdict over all variants, and whether it is wrong, the truth being known."""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.claims.counting import Seen
from offline_eval.ab.standing import among_all, pairs_of, standing
from offline_eval.ab.verdict import Finding, Verdict, share_of_alpha, verdict
from offline_eval.estimate import Estimate

CONTROL = "0"

Compare = Callable[[int, int, float], Estimate]
"""(variant, variant, alpha) → the first minus the second."""


def level_of(variants: int, guardrails: int) -> float:
    """Of each finding: every pair of variants, and every guardrail, shares 5 %."""
    return share_of_alpha(0.05, variants * (variants - 1) // 2, guardrails)


def judged(compare: Compare, means: Sequence[float], guardrails: Sequence[Finding] = ()) -> Iterator[Seen]:
    """What is said at one look. `means`: the truth (or anything that orders it), the control's first.

    Guardrails are never harmed.
    """
    keys = [*(str(k) for k in range(1, len(means))), CONTROL]
    level = level_of(len(means), len(guardrails))
    differences = {(a, b): compare(int(a), int(b), level) for a, b in pairs_of(keys)}
    stand = standing(differences, keys, Finding("", Estimate(None, None, None, 0, 0.0, "", level)))
    primaries = [Finding(key, differences[key, CONTROL]) for key in keys[:-1]]
    found = among_all(verdict(primaries, guardrails), stand, CONTROL, None)
    yield verdict_is_wrong(found, primaries, guardrails, [mean - means[0] for mean in means[1:]])
    if len(means) > 2:
        rivals = [mean for key, mean in enumerate(means) if str(key) != found.best]
        yield Seen(
            "discovery: best variant",
            found.best is not None,
            bool(found.best and means[int(found.best)] <= max(rivals)),
        )
        behind = [means[int(key)] for key in stand.behind or {}]
        yield Seen(
            "discovery: a variant behind", bool(behind), any(mean >= means[int(str(stand.leading))] for mean in behind)
        )


def verdict_is_wrong(
    found: Verdict, primaries: Sequence[Finding], guardrails: Sequence[Finding], effects: Sequence[float]
) -> Seen:
    """Called better without being so is a wrong "ship"; "stop for harm" where nothing called worse is, a wrong stop.

    `effects` are the true differences of the primaries; guardrails are never harmed. What is called better or worse are
    the findings whose whole interval is.
    """
    claim = "verdict: ship or stop"
    if found.word not in ("ship", "stop for harm"):
        return Seen(claim, False, False)
    if any(finding.gain and finding.gain[2] < -finding.worthwhile for finding in guardrails):
        return Seen(claim, True, True)
    known = [(finding.gain, effect) for finding, effect in zip(primaries, effects, strict=True) if finding.gain]
    if found.word == "ship":
        return Seen(claim, True, any(gain[1] > 0 and effect <= 0 for gain, effect in known))
    called = [effect for gain, effect in known if gain[2] < 0]
    return Seen(claim, True, not called or any(effect >= 0 for effect in called))
