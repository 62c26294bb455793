"""From TOML to a LogSpec, every fault named at once."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bandit.errors import RuleError
from bandit.rounds import Arm
from bandit.rules import compile_rule
from offline_eval.logs.errors import SpecError
from offline_eval.logs.rule_types import type_faults
from offline_eval.logs.spec import NET_VALUE, SECONDS, LogSpec, ObjectiveSpec, PropensitySpec, RuleRow, RulesSpec
from offline_eval.logs.tables import Faults, Section


def read_spec(path: Path | str) -> LogSpec:
    """The spec in a TOML file. Raises SpecError naming every fault, and OSError where there is no such file."""
    try:
        with Path(path).open("rb") as file:
            return parse_spec(tomllib.load(file))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError({"/": f"{path} is not TOML: {error}"}) from error


def parse_spec(data: Mapping[str, Any]) -> LogSpec:
    """The spec in a parsed TOML document. Raises SpecError naming every fault."""
    faults: Faults = {}
    root = Section("", data, faults)
    log, context, segments = root.section("log"), root.section("context"), root.section("segments")
    spec = LogSpec(
        name=log.text("name", required=True),
        arm=_arm_columns(log),
        propensity=_propensity(log.section("propensity")),
        outcomes=_outcomes(root.section("outcomes")),
        objective=_objective(root.section("objective")),
        unit=log.text("unit"),
        time=log.text("time"),
        time_unit=_time_unit(log),
        control=log.text("control"),
        eligible=log.text("eligible"),
        pmf=log.text("pmf"),
        position=log.text("position"),
        numeric=context.texts("numeric"),
        categorical=context.texts("categorical"),
        missing=context.numbers("missing"),
        arms=tuple(_arm(section) for section in root.sections("arms")),
        rules=_rules(root.section("rules")) if "rules" in root.data else None,
        segments=segments.texts("by"),
        shadows=_shadows(root.section("shadow")),
        source=data,
    )
    for section in (root, log, context, segments):
        section.close()
    _cross_check(spec, root)
    if faults:
        raise SpecError(faults)
    return spec


def _arm_columns(log: Section) -> tuple[str, ...]:
    if isinstance(log.get("arm"), list):
        columns = log.texts("arm")
        if not columns:
            log.fault("arm", "must name at least one column")
        return columns
    return (log.text("arm", required=True),)


def _time_unit(log: Section) -> str:
    unit = log.text("time_unit", "h")
    if unit not in SECONDS:
        log.fault("time_unit", f"must be one of {', '.join(SECONDS)}, not {unit!r}")
    return unit


def _propensity(section: Section) -> PropensitySpec:
    within = section.texts("within") if "within" in section.data else None
    column = section.text("column", required="column" in section.data) or None
    spec = PropensitySpec(section.flag("uniform"), column, within, section.flag("estimate"))
    chosen = [spec.uniform, spec.column is not None, spec.within is not None, spec.estimate]
    if sum(chosen) != 1:
        section.fault("", "needs exactly one of uniform = true, column, within, estimate = true")
    section.close()
    return spec


def _outcomes(section: Section) -> dict[str, str]:
    outcomes = {metric: section.text(metric, required=True) for metric in section.data}
    if not outcomes:
        section.fault("", "must name at least one metric and its column")
    return outcomes


def _shadows(section: Section) -> dict[str, str]:
    return {name: section.text(name, required=True) for name in section.data}


def _objective(section: Section) -> ObjectiveSpec:
    bounds = section.numbers("range") if "range" in section.data else None
    if bounds is not None and (len(bounds) != 2 or bounds[0] >= bounds[1]):
        section.fault("range", "must be [lowest, highest] with lowest below highest")
        bounds = None
    spec = ObjectiveSpec(
        section.text("maximise", required=True),
        section.number("margin", 1.0),
        (bounds[0], bounds[1]) if bounds else None,
    )
    section.close()
    return spec


def _arm(section: Section) -> Arm:
    attributes = section.section("attributes")
    values = {key: attributes.get(key) for key in attributes.data}
    for key, value in values.items():
        if not isinstance(value, str | int | float | bool):
            attributes.fault(key, "must be a number, a string or a boolean")
    arm = Arm(
        key=section.text("value", required=True),
        event_type=section.text("event_type") or None,
        reward_kind=section.text("reward_kind") or None,
        reward_amount=section.number("reward_amount", 0.0),
        reward_cost=section.number("reward_cost", 0.0),
        cost_on=section.text("cost_on", "decision", required=True),
        contact_cost=section.number("contact_cost", 0.0),
        attributes=values,
    )
    section.close()
    return arm


def _rules(section: Section) -> RulesSpec:
    rows = []
    for line in section.sections("list"):
        when, arm = line.get("when", {}), line.text("arm", required=True)
        try:
            compile_rule(when)
        except RuleError as error:
            for pointer, sentence in error.faults.items():
                line.fault(f"when{pointer}", sentence)
        rows.append(RuleRow(when, arm))
        line.close()
    rules = RulesSpec(section.text("default", required=True), tuple(rows))
    section.close()
    return rules


def _cross_check(spec: LogSpec, root: Section) -> None:
    if spec.objective.maximise and spec.objective.maximise not in (*spec.outcomes, NET_VALUE):
        known = ", ".join((*spec.outcomes, NET_VALUE))
        root.fault("objective/maximise", f"'{spec.objective.maximise}' is not a metric of this log; known: {known}")
    if spec.objective.maximise == NET_VALUE and "revenue" not in spec.outcomes:
        root.fault("outcomes/revenue", "is missing: net_value = margin x revenue - reward cost - contact cost")
    for index, arm in enumerate(spec.arms):
        if arm.cost_on not in ("decision", *spec.outcomes):
            root.fault(f"arms/{index}/cost_on", f"must be 'decision' or a metric of this log, not '{arm.cost_on}'")
        if arm.key in [other.key for other in spec.arms[:index]]:
            root.fault(f"arms/{index}/value", f"'{arm.key}' is described twice")
    for metric, column in spec.outcomes.items():
        if column in (*spec.numeric, *spec.categorical):
            root.fault(f"outcomes/{metric}", f"'{column}' is also in the context, where it would leak what came after")
        _refuse_grouping(spec, root, column)
    for column in set(spec.numeric) & set(spec.categorical):
        root.fault("context/categorical", f"'{column}' is also numeric")
    if spec.pmf and not spec.propensity.column:
        root.fault("log/pmf", "needs propensity.column, the chosen arm's own probability")
    _check_rules(spec, root)


def _refuse_grouping(spec: LogSpec, root: Section, outcome: str) -> None:
    """Within groups of what came after, arms that differ look alike."""
    groups = {"log/propensity/within": spec.strata, "segments/by": spec.segments}
    for place, columns in groups.items():
        if outcome in columns:
            root.fault(place, f"'{outcome}' is an outcome: it came after the draw, and groups by it hide what arms do")


def _check_rules(spec: LogSpec, root: Section) -> None:
    if spec.rules is None:
        return
    known = {spec.control, *(arm.key for arm in spec.arms)} if spec.closed else {*spec.declared}
    if spec.rules.default not in known:
        root.fault("rules/default", f"'{spec.rules.default}' is not among [[arms]]")
    for index, row in enumerate(spec.rules.rows):
        if row.arm not in known:
            root.fault(f"rules/list/{index}/arm", f"'{row.arm}' is not among [[arms]]")
        at = f"rules/list/{index}/when"
        if at not in {pointer.lstrip("/")[: len(at)] for pointer in root.faults}:
            for sentence in type_faults(row.when, spec.numeric, spec.categorical):
                root.fault(at, sentence)
