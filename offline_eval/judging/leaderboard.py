"""Who wins, told honestly: chosen on one half of the units, valued on the other."""

from collections.abc import Mapping
from typing import Any

from offline_eval.candidates.candidate import Candidate
from offline_eval.estimate import Estimate
from offline_eval.judging.gathering import Gathered
from offline_eval.judging.results import contrast, headline
from offline_eval.judging.setting import Setting
from offline_eval.ope.gather import Statistics


def best_fixed(found: Mapping[str, Gathered], names: list[str], estimator: str, setting: Setting) -> str | None:
    """The fixed arm of the highest value in the half that chooses; None where there is none with support."""
    values = {name: _value(found[name].choose, estimator, setting).value for name in names if name in found}
    supported = {name: value for name, value in values.items() if value is not None}
    return max(supported, key=lambda name: supported[name]) if supported else None


def _value(statistics: Statistics | None, estimator: str, setting: Setting) -> Estimate:
    if statistics is None:
        return Estimate(None, None, None, 0, 0.0, f"{estimator}+no_rows")
    return setting.claim.value(estimator, statistics, setting.bounds)


def leaderboard(
    found: Mapping[str, Gathered], verdicts: Mapping[str, str], candidates: tuple[Candidate, ...], setting: Setting
) -> dict[str, Any]:
    """Ranking on the rows common to all candidates, and the winner's value on rows that did not choose it.

    `estimator`: what is ranked by; `best_fixed`: the arm that one would send to everybody, chosen on the first half.
    `ranking`: what can be used first, then by value on all common rows; `versus_best_fixed` there is paired and holds
    for all lines at once (Bonferroni), and `better` is said only where its lower
    bound is above zero and the verdict allows it. `winner`: {policy, value, versus_best_fixed, better, sentence},
    chosen on one half of the units, its value and difference from the other half alone. The logging policy is listed
    for comparison and cannot win: it is no policy of its own.
    """
    estimator = headline(setting.plan.estimators)
    reference = None if setting.reference is None else candidates[setting.reference].name
    rows = [_line(name, found, verdicts[name], estimator, reference, setting) for name in found]
    rows.sort(key=lambda line: standing(line["verdict"], line["value"]["value"]))
    winner = _winner(found, verdicts, estimator, setting)
    return {
        "estimator": estimator,
        "best_fixed": reference,
        "winner": None
        if winner is None
        else _confirmed(winner, found, verdicts[winner], estimator, reference, setting),
        "ranking": rows,
    }


def _line(
    name: str, found: Mapping[str, Gathered], verdict: str, estimator: str, reference: str | None, setting: Setting
) -> dict[str, Any]:
    mine = found[name]
    line: dict[str, Any] = {"policy": name, "value": _value(mine.judged, estimator, setting).as_dict()}
    if reference is not None:
        joint = None
        if mine.reference_choose is not None and mine.reference_confirm is not None:
            joint = mine.reference_choose + mine.reference_confirm
        sides = mine.judged, found[reference].judged
        against = contrast(estimator, joint, sides, setting, len(found) - 1)
        line |= {"versus_best_fixed": against.as_dict(), "better": _better(against, verdict)}
    return line | {"verdict": verdict}


def standing(verdict: str, value: float | None) -> tuple[bool, float]:
    """What a table is sorted by: what can be used first, then the highest value."""
    return verdict == "unusable", float("inf") if value is None else -value


def _better(against: Estimate, verdict: str) -> bool:
    return against.lower is not None and against.lower > 0 and verdict != "unusable"


def _winner(found: Mapping[str, Gathered], verdicts: Mapping[str, str], estimator: str, setting: Setting) -> str | None:
    values = {
        name: _value(gathered.choose, estimator, setting).value
        for name, gathered in found.items()
        if name != "logging" and verdicts[name] != "unusable"
    }
    able = {name: value for name, value in values.items() if value is not None}
    return max(able, key=lambda name: able[name]) if able else None


def _confirmed(
    name: str, found: Mapping[str, Gathered], verdict: str, estimator: str, reference: str | None, setting: Setting
) -> dict[str, Any]:
    mine = found[name]
    result: dict[str, Any] = {"policy": name, "value": _value(mine.confirm, estimator, setting).as_dict()}
    if reference is None:
        return result
    sides = (mine.confirm, found[reference].confirm)
    against = contrast(estimator, mine.reference_confirm, sides, setting)
    better = name != reference and _better(against, verdict)
    if name == reference:
        sentence = f"No candidate promised more than {reference} for everybody."
    elif better:
        sentence = f"{name} earns more than {reference} for everybody, also on units that did not choose it."
    else:
        sentence = f"{name} looked best, but units that did not choose it do not show it to be better than {reference}."
    return result | {"versus_best_fixed": against.as_dict(), "better": better, "sentence": sentence}
