"""Void rates, of units' first decisions: between variants within each arm, and between arms.

Variants are compared arm by arm, because arms reached over different channels bounce differently. Even so a learned
policy may send an arm to units that are harder to reach: only variants that draw without looking at the unit can fail,
for the others a difference is a warning. Between arms it is a warning, too: voided decisions leave the readouts of
arms, which then speak of different units, and stay in those of variants.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from bandit.rounds import NOTHING
from experiments.model.designing.controls import draws_blindly
from experiments.model.designing.definition import Definition
from experiments.model.trust_sums import SEPARATOR, VOIDS
from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, Evidence, judged
from offline_eval.ab.checks.tables import opposite
from offline_eval.ab.checks.void_rates import VoidRates
from offline_eval.ab.evidence import homogeneity, p_value_of

Table = dict[str, tuple[int, ...]]
Tables = dict[str, Table]

NAME, BY_ARM = "void_rates", "void_rates_by_arm"


def void_rates(sums: Mapping[str, Mapping[str, list[float]]], definition: Definition) -> list[CheckResult]:
    """Both checks."""
    cells: dict[tuple[str, str], tuple[int, ...]] = {}
    for place, counts in sums[VOIDS].items():
        variant, arm = place.split(SEPARATOR)
        if arm != NOTHING:
            cells[variant, arm] = tuple(int(count) for count in counts)
    by_arm: Tables = {}
    for (variant, arm), row in cells.items():
        by_arm.setdefault(arm, {})[variant] = row
    whole = {arm: _added(table.values()) for arm, table in by_arm.items()}
    between = VoidRates(whole).result()
    as_warning = "warning" if between.status == "failed" else between.status
    return [
        _between_variants(by_arm, lambda variant: draws_blindly(definition, variant)),
        CheckResult(BY_ARM, as_warning, between.p_value, between.detail),
    ]


def _between_variants(by_arm: Tables, is_blind: Callable[[str], bool]) -> CheckResult:
    blind = {arm: {key: row for key, row in table.items() if is_blind(key)} for arm, table in by_arm.items()}
    every, sure = _evidence(by_arm), _evidence(blind)
    if every is None:
        return CheckResult(NAME, "too_few", None, "no arm has decisions of two variants")
    detail = f"voided: {_told(by_arm)}"
    if sure is not None and p_value_of(sure.found) <= LIFETIME_ALPHA:
        return CheckResult(NAME, "failed", p_value_of(sure.found), detail)
    found = judged(VoidRates({}), every, LIFETIME_ALPHA, detail)
    return replace(found, status="warning" if found.status == "failed" else found.status)


def _evidence(by_arm: Tables) -> Evidence | None:
    """Arms hold different units, so that their e-values multiply; None where no arm has two variants."""
    compared = [list(table.values()) for table in by_arm.values() if len(table) > 1]
    if not compared:
        return None
    found, clearest = (sum(map(homogeneity, tables)) for tables in (compared, map(opposite, compared)))
    return Evidence(found, clearest)


def _told(by_arm: Tables) -> str:
    parts = [
        f"{arm} {', '.join(f'{variant} {row[0] / max(sum(row), 1):.2%}' for variant, row in table.items())}"
        for arm, table in by_arm.items()
        if len(table) > 1
    ]
    return "; ".join(parts)


def _added(rows: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sum(column) for column in zip(*rows, strict=True))
