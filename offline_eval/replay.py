"""What would other policies have earned? Candidates x estimators on one log, with diagnostics and verdicts.

The same function serves the shell on files and the service on a live experiment's rounds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from operator import add
from typing import Any

from offline_eval.candidates import (
    Candidate,
    Training,
    UnknownCandidateError,
    build_candidate,
    default_names,
    expand,
    training_rows,
)
from offline_eval.engine import Engine
from offline_eval.judging.asked import Options, UnknownEstimatorError, usable_estimators
from offline_eval.judging.by_segment import SegmentGatherer, merge_parts, segment_values, segments_result
from offline_eval.judging.claim import estimators_for
from offline_eval.judging.failing import Failures, readable, without_faults
from offline_eval.judging.gathering import Gathered, Gatherer, merge_gathered
from offline_eval.judging.hidden import hidden_reasons
from offline_eval.judging.leaderboard import best_fixed, leaderboard
from offline_eval.judging.passes import Progress, gathered
from offline_eval.judging.picturing import PictureGatherer, pictures
from offline_eval.judging.results import Asked, headline, log_result, policy_result, with_untried
from offline_eval.judging.setting import (
    Setting,
    categories,
    has_gaps,
    known_bounds,
    period_edges,
    segment_names,
    shares_moved,
    strata_columns,
)
from offline_eval.logs.log import Log
from offline_eval.models import OUTCOME_MODELS, cross_fit
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.gather import Plan
from offline_eval.propensities import with_propensities
from offline_eval.results import ReplayResult

__all__ = ["Options", "Progress", "UnknownEstimatorError", "replay", "usable_estimators"]


def replay(
    log: Log,
    policies: Sequence[str] | None = None,
    estimators: Sequence[str] | None = None,
    progress: Progress = lambda _what, _done, _total: None,
    options: Options | None = None,
) -> ReplayResult:
    """{log, n, claim, policies: {NAME: {estimates, versus_logging, diagnostics, verdict, reason}}, leaderboard, …}.

    JSON's types, as a dictionary with `to_pandas()` that notebooks show as a table; and `segments`, where the spec has
    any, as `judging.by_segment.segments_result` gives them; and `sensitivity`, where propensities were fitted, as
    `judging.hidden.hidden_reasons` gives it.

    `policies`: names as `candidates.expand` takes them, by default `candidates.default_names`; `logging` is always
    there. `estimators`: names in ESTIMATORS, by default all that the log can feed.

    `failed`: {NAME: reason} of candidates that cannot be judged (a name that means nothing here, a column that is not
    there, rows that make no sense, a function that raises); the others are. Raises UnknownCandidateError (or its
    PolicyFaultsError) where none is left or two have one name; UnknownEstimatorError and UnknownIntervalError before
    anything is computed.
    """
    options = options or Options()
    failures = Failures(options.unreadable)
    names = list(dict.fromkeys(["logging", *expand(log, policies or default_names(log))]))
    _check_extra(names, options.extra)
    names, log = readable(names, log, failures)
    failures.close(len(names) - 1 + len(options.extra))
    usable = usable_estimators(log, estimators, mixture=options.mixture)
    chosen = estimators_for(options.claim, usable, known_bounds(log), named=bool(estimators))
    log = with_propensities(log, progress)
    training = cache(lambda: training_rows(log))
    setting = _setting(log, chosen, training, progress, options)
    candidates = (*_candidates(names, log, training, progress, failures), *options.extra)
    failures.close(len(candidates) - 1)
    split = training().split if any(candidate.trained for candidate in candidates) else None
    setting = replace(setting, split=split)
    setting = replace(setting, reference=_reference(candidates, log, setting, progress, options))
    found = gathered("judging", log, Gatherer(candidates, setting), merge_gathered, progress, options.engine)
    candidates, setting = without_faults(found, candidates, setting, failures)
    setting = replace(setting, moving=_moving(log, found["logging"], options))
    result = _report(log, found, candidates, setting)
    result["failed"] = failures.reasons
    if log.spec.segments:
        result["segments"] = _segments(log, candidates, setting, progress, options.engine)
    if log.spec.propensity.estimate:
        result["sensitivity"] = hidden_reasons(training().rows, candidates, setting, result["policies"])
    if options.pictures:
        gatherer = PictureGatherer(candidates, setting)
        result["pictures"] = pictures(gathered("drawing", log, gatherer, add, progress, options.engine), log.keys)
    return result


def _segments(
    log: Log, candidates: tuple[Candidate, ...], setting: Setting, progress: Progress, engine: Engine | None
) -> dict[str, Any]:
    """By the estimator that is shown first, without what only the bootstrap needs."""
    plan = Plan((headline(setting.plan.estimators),), buckets=setting.plan.buckets)
    light, values = replace(setting, plan=plan, segments=(), edges=()), segment_values(log)
    gatherer = SegmentGatherer(candidates, light, values)
    found = gathered("judging segments", log, gatherer, merge_parts, progress, engine)
    return segments_result(found, values, candidates, light)


def _check_extra(names: Sequence[str], extra: Sequence[Candidate]) -> None:
    """Raise UnknownCandidateError where two candidates have one name."""
    taken = [*names, *(candidate.name for candidate in extra)]
    if doubled := next((name for name in taken if taken.count(name) > 1), None):
        raise UnknownCandidateError(f"'{doubled}' names two policies; give one of them another name")


def _setting(
    log: Log, estimators: tuple[str, ...], training: Callable[[], Training], progress: Progress, options: Options
) -> Setting:
    model = None
    if any("q" in ESTIMATORS[name].basis.needs for name in estimators):
        progress("fitting outcomes", 0, 1)
        model = cross_fit(options.outcome_model, OUTCOME_MODELS[options.outcome_model], training().rows, log.arms)
        progress("fitting outcomes", 1, 1)
    return Setting(
        plan=Plan(estimators),
        model=model,
        bounds=known_bounds(log),
        split=None,
        segments=segment_names(log),
        edges=period_edges(log),
        arms=len(log.arms),
        clustered=log.clustered,
        category=categories(log),
        claim=options.claim,
        mixture=options.mixture,
        gaps=has_gaps(log),
        strata=strata_columns(log),
    )


def _candidates(
    names: Sequence[str], log: Log, training: Callable[[], Training], progress: Progress, failures: Failures
) -> Iterator[Candidate]:
    for place, name in enumerate(names):
        progress(f"training {name}", place, len(names))
        with failures.of(name):
            yield build_candidate(name, log, training)
    progress("training", len(names), len(names))


def _reference(
    candidates: Sequence[Candidate], log: Log, setting: Setting, progress: Progress, options: Options
) -> int | None:
    """The best arm for everybody, told by the half of the units that chooses; a pass of its own over few columns."""
    fixed = [c for c in candidates if c.name.startswith("fixed:")]
    if len(fixed) < 2:
        return candidates.index(fixed[0]) if fixed else None
    light = replace(setting, plan=Plan(("snips",), buckets=False, cells=False), model=None)
    gatherer = Gatherer((candidates[0], *fixed), light)
    found = gathered("finding the best arm", log, gatherer, merge_gathered, progress, options.engine)
    best = best_fixed(found, [c.name for c in fixed], "snips", light)
    return next((place for place, c in enumerate(candidates) if c.name == best), None)


def _moving(log: Log, logging: Gathered, options: Options) -> bool:
    if options.moving is not None or logging.tallies is None:
        return bool(options.moving)
    return shares_moved(log, logging.tallies.period_arms)


def _report(log: Log, found: dict[str, Gathered], candidates: tuple[Candidate, ...], setting: Setting) -> ReplayResult:
    found = {name: with_untried(one) for name, one in found.items()}
    results = {
        c.name: policy_result(found[c.name], found["logging"], log, setting, Asked(c.trained, len(found) - 1))
        for c in candidates
        if c.name in found
    }
    verdicts = {name: str(result["verdict"]) for name, result in results.items()}
    document = {
        "log": log_result(log),
        "n": log.n,
        "claim": {"alpha": setting.claim.alpha, "interval": setting.claim.interval, "anytime": setting.claim.anytime},
        "policies": results,
        "leaderboard": leaderboard(found, verdicts, candidates, setting),
    }
    return ReplayResult(document)
