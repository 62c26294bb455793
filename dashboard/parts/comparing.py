"""What a campaign earns: the verdict, key figures, variants against the control, arms."""

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component

from dashboard.cards.empty import empty, no_campaign
from dashboard.cards.kpi import Versus, interval_line, kpi, metric_kpi, tone_of
from dashboard.cards.reasons import Reasons
from dashboard.cards.state import state
from dashboard.cards.table import table
from dashboard.cards.verdict import checks_list, verdict_banner
from dashboard.charts.graph import graph
from dashboard.charts.intervals import forest
from dashboard.data import results
from dashboard.format import (
    MISSING,
    NO_INTERVAL,
    chance,
    in_unit,
    interval,
    moment,
    money,
    number,
    percent,
    reason,
    title,
    unit_of,
)
from dashboard.page import Drawn, View

FIRST = ("reengagement", "participation", "conversion")
CAPPED = ("capped_net_value", "capped_revenue")


def treated(document: Mapping[str, Any]) -> str | None:
    """The variant that the cards speak of: the largest beside the control, else the only one."""
    others = {key: one for key, one in document["variants"].items() if key != document["control"]} or document[
        "variants"
    ]
    return max(others, key=lambda key: others[key]["decisions"], default=None)


def verdict(view: View) -> Component:
    """What to do, then the checks."""
    document = results.results(view)
    definition = results.definition_of(view)
    if document is None or definition is None:
        return no_campaign()
    zone = definition["time_zone"]
    counts = document["counts"]
    context = (
        f"{number(counts['matured'])} matured decisions · {_judged_in_words(document)} · "
        f"control {document['control']} · as of {moment(document['as_of'], zone)}"
    )
    name = dmc.Group(
        [dmc.Text(definition["name"] or definition["key"], fw=650, size="lg"), state(definition["status"])]
    )
    told = [note for note in (document["estimand"]["note"], *document.get("notes", [])) if note]
    notes = [dmc.Text(note, size="sm", c="dimmed") for note in told]
    return dmc.Stack(
        [
            name,
            verdict_banner(document["verdict"], definition["status"], context),
            checks_list(document["checks"]),
            *notes,
        ],
        gap="sm",
    )


def _judged_in_words(document: Mapping[str, Any]) -> str:
    """What is judged, and which share of each variant's revenue lies above the cap."""
    told = document["estimand"]
    above = {key: share for key, share in told["above_cap"].items() if share is not None}
    shares = ", ".join(f"{key} {percent(share)}" for key, share in above.items())
    return f"judged is the {told['words']}{f' (revenue above that: {shares})' if shares else ''}"


def kpis(view: View) -> Drawn:
    """Cards of the treated variant."""
    document, definition = results.results(view), results.definition_of(view)
    if document is None or definition is None:
        return Drawn(no_campaign())
    key = treated(document)
    if key is None or not document["variants"][key]["decisions"]:
        return Drawn(waiting(document), [])
    currency, variant = definition["currency"], document["variants"][key]
    lifts = variant["versus"].get(document["control"], {})
    before = results.results_before(view)
    earlier = {} if before is None else before["variants"].get(key, {}).get("metrics", {})
    shown, cap = first_metrics(document, key), cap_told(document, key, definition)
    cards = [
        metric_kpi(
            name,
            document["metrics"][name],
            currency,
            variant["metrics"][name],
            Versus(document["control"], lifts.get(name), earlier.get(name) if before else None, cap),
        )
        for name in shown
    ]
    cards += [*_returns(document["money"].get(key, {})), _cost_card(document, key, currency)]
    rows = [{"metric": name, **variant["metrics"][name], "variant": key} for name in shown]
    told = dmc.Text(
        f"Variant {key}, {number(variant['units'])} users; {_against_whom(key, document['control'])}.",
        size="sm",
        c="dimmed",
    )
    return Drawn(dmc.Stack([told, dmc.SimpleGrid(cards, cols={"base": 1, "xs": 2, "lg": 3}, spacing="md")]), rows)


def first_metrics(document: Mapping[str, Any], key: str) -> list[str]:
    """What the cards show of the variant: what is judged before all else, amounts up to the cap before plain ones."""
    amounts = (*CAPPED, "revenue") if document["money"].get(key, {}).get("capped") else ("net_value", "revenue")
    names = dict.fromkeys([document["estimand"]["metric"], *FIRST, *amounts, "roi"])
    return [name for name in names if name in document["variants"][key]["metrics"]]


def cap_told(document: Mapping[str, Any], key: str, definition: Mapping[str, Any]) -> str:
    """Up to what each user's revenue is counted, and the share that lies above; "" where no revision has a cap."""
    capped = document["money"].get(key, {}).get("capped")
    if not capped:
        return ""
    newest = definition.get("cap_revenue")
    cap = money(newest, definition["currency"]) if newest else "the cap of its revision"
    above = "" if capped["above_cap"] is None else f"; {percent(capped['above_cap'])} of revenue is above that"
    return f"Each user's revenue counted up to {cap}{above}."


def _returns(earned: Mapping[str, Any]) -> list[Component]:
    """Incremental ROI: up to the cap where there is one, and plain."""
    capped = (earned.get("capped") or {}).get("incremental_roi")
    found = {"Incremental ROI up to the cap": capped, "Incremental ROI": earned.get("incremental_roi")}
    if capped:
        found["Incremental ROI, uncapped"] = found.pop("Incremental ROI")
    return [
        kpi(heading, percent(one["value"]), interval_line("share", one), tone=tone_of(one))
        for heading, one in found.items()
        if one
    ]


def _against_whom(key: str, control: str) -> str:
    return "there is no other to compare it with" if key == control else f"lifts are against {control}"


def waiting(document: Mapping[str, Any]) -> Component:
    """Where nothing has matured: what is open, and until when."""
    maturity = document.get("maturity") or {}
    until = maturity.get("all_by")
    remedy = (
        f"{number(maturity.get('open', 0))} decisions are open; all have matured by {moment(until)}." if until else ""
    )
    return empty("No decision has matured yet.", remedy or "Start the campaign and send it traffic.")


def _cost_card(document: Mapping[str, Any], key: str, currency: str) -> Component:
    cost = document["money"].get(key, {}).get("cost_per_incremental") or {}
    if cost.get("value") is None:
        below = reason(cost) or "There is nothing to compare it with."
    elif cost.get("upper") is None:
        below = "95 %: the upper end is unbounded: the lift may be nothing"
    else:
        below = f"95 %: {interval('money', cost, currency)}"
    return kpi(
        "Cost per incremental re-engaged user",
        money(cost.get("value"), currency),
        dmc.Text(below, size="xs", c="dimmed"),
    )


def lift(view: View) -> Drawn:
    """Every variant against the control."""
    document, definition = results.results(view), results.definition_of(view)
    if document is None or definition is None:
        return Drawn(no_campaign())
    name, currency, reasons = document["estimand"]["metric"], definition["currency"], Reasons()
    unit = unit_of(document, name)
    rows, estimates = [], []
    for key, variant in document["variants"].items():
        found = variant["versus"].get(document["control"], {}).get(name, {})
        relative = found.get("relative") or {}
        estimate = variant["metrics"].get(name, {})
        best = variant.get("bayesian", {}).get(name, {}).get("probability_best")
        rows.append(
            {
                "variant": key,
                "users": number(variant["units"]),
                "decisions": number(variant["decisions"]),
                "value": in_unit(unit, estimate.get("value"), currency),
                "interval": reasons.beside(interval(unit, estimate, currency), estimate),
                "lift": "the control" if key == document["control"] else lift_told(relative, found, reasons),
                "best": chance(best),
            }
        )
        if relative.get("lower") is not None:
            estimates.append((key, relative))
    columns = {
        "variant": "Variant",
        "users": "Users #",
        "decisions": "Decisions #",
        "value": f"{title(name)} #",
        "interval": "95 % interval #",
        "lift": f"Lift over {document['control']} #",
        "best": "Chance of being best #",
    }
    parts = [table(columns, rows, f"Variants by {title(name)}", 720), *reasons.below()]
    if estimates:
        told = f"Relative lift of each variant over {document['control']} with its 95 % interval."
        parts.insert(
            0,
            graph(
                forest(estimates, f"lift of {title(name)} over {document['control']}", percent=True, reference=0.0),
                told,
            ),
        )
    return Drawn(dmc.Stack(parts), reasons.spelled(rows))


def lift_told(relative: Mapping[str, Any], found: Mapping[str, Any], reasons: Reasons) -> str:
    """The lift with its interval, or with the number of the reason why there is none."""
    why = {**relative, "note": found.get("note")}
    if relative.get("value") is None:
        return reasons.beside("none", why)
    if relative.get("lower") is None or relative.get("upper") is None:
        return reasons.beside(f"{percent(relative['value'], signed=True)} ({NO_INTERVAL})", why)
    bounds = f"{percent(relative['lower'], signed=True)} to {percent(relative['upper'], signed=True)}"
    return f"{percent(relative['value'], signed=True)} ({bounds})"


def arms(view: View) -> Drawn:
    """Arms under adaptive allocation: adjusted values, naive means beside them and named so."""
    document, definition = results.results(view), results.definition_of(view)
    if document is None or definition is None:
        return Drawn(no_campaign())
    name, currency, reasons = document["estimand"]["metric"], definition["currency"], Reasons()
    unit = unit_of(document, name)
    control = next((key for arm in document["arms"].values() for key in arm.get("versus", {})), "")
    rows, estimates = [], []
    for key, arm in document["arms"].items():
        found = arm["metrics"].get(name, {})
        adjusted, naive = found.get("adjusted") or {}, found.get("naive") or {}
        rows.append(
            {
                "arm": key,
                "decisions": number(arm["decisions"]),
                "adjusted": in_unit(unit, adjusted.get("value"), currency),
                "interval": reasons.beside(interval(unit, adjusted, currency), adjusted)
                if adjusted
                else "not compared",
                "versus": _against(arm.get("versus", {}).get(control, {}), name, reasons),
                "eligible": percent(arm.get("eligible_share")),
                "naive": in_unit(unit, naive.get("value"), currency),
            }
        )
        if adjusted.get("lower") is not None:
            estimates.append((key, adjusted))
    estimates.sort(key=lambda pair: -pair[1]["value"])
    columns = {
        "arm": "Arm",
        "decisions": "Decisions #",
        "adjusted": f"{title(name)}, adjusted #",
        "interval": "95 % interval #",
        "versus": f"Against {control or 'the control arm'} #",
        "eligible": "Eligible in #",
        "naive": "Naive mean (biased) #",
    }
    parts = [table(columns, rows, f"Arms by {title(name)}", 820), *reasons.below()]
    if estimates:
        told = f"Adjusted {title(name)} of each arm with its interval, best first."
        parts.insert(
            0, graph(forest(estimates, f"{title(name)} per decision, adjusted", percent=unit == "share"), told)
        )
    return Drawn(dmc.Stack(parts), reasons.spelled(rows))


def _against(versus: Mapping[str, Any], name: str, reasons: Reasons) -> str:
    found = versus.get(name)
    return lift_told(found.get("relative") or {}, found, reasons) if found else MISSING
