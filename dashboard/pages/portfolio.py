"""The executive summary: what is running, how healthy it is, what it earns all together and one by one."""

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import dcc
from dash.development.base_component import Component

from dashboard.cards.empty import empty
from dashboard.cards.kpi import interval_line, kpi, tone_of
from dashboard.cards.reasons import Reasons
from dashboard.cards.state import state
from dashboard.cards.table import table
from dashboard.cards.verdict import headline
from dashboard.charts.graph import graph
from dashboard.charts.intervals import forest
from dashboard.data import portfolio
from dashboard.format import MISSING, amounts, in_unit, interval, moment, money, number, percent, title, unit_of
from dashboard.icons import icon
from dashboard.page import Drawn, Page, Section, View
from dashboard.parts.comparing import lift_told

COLUMNS = {
    "campaign": "Campaign",
    "state": "State",
    "verdict": "What to do",
    "health": "Health",
    "objective": "Objective",
    "lift": "Lift over the control #",
    "net": "Net value #",
    "roi": "ROI #",
}
MOST_ARMS = 60
"""Arms that are listed, those given most often."""


def summary(view: View) -> Component:
    """In words, and what needs attention."""
    found = portfolio.together(view)
    told = amounts(found["summary"], (found["money"] or {}).get("currency"))
    parts: list[Component] = [dmc.Text(told, size="lg")]
    parts += [
        dmc.Alert(
            f"{one['title']} ({moment(one['raised_at'])})",
            title=f"{title(one['severity'])} alert",
            color="red" if one["severity"] == "critical" else "orange",
            variant="outline",
            icon=icon("warning"),
        )
        for one in portfolio.open_alerts(view)
    ]
    return dmc.Stack(parts, gap="sm", mb="xs")


def together(view: View) -> Drawn:
    """Lift and money of all campaigns against the global holdout."""
    found = portfolio.together(view)
    earned, units = found["money"], found["units"]
    if not units["reached"] or not units["held_out"]:
        remedy = (
            "A share of people whom no campaign may reach shows what all of them earn together; set it in the settings."
        )
        return Drawn(empty("Nothing to compare with yet.", remedy), [])
    back = found["metrics"]["reengagement"]
    lift, total = back["per_unit"]["absolute"], back["total"]
    cards = [
        kpi("People brought back", number(total.get("value")), interval_line("count", total), tone=tone_of(total)),
        kpi(
            "Re-engagement, points gained",
            percent(lift.get("value"), signed=True),
            interval_line("share", lift),
            tone=tone_of(lift),
        ),
    ]
    if earned is not None:
        currency = earned["currency"] or ""
        cards += [
            kpi(
                "Incremental revenue",
                money(earned["revenue"].get("value"), currency),
                interval_line("money", earned["revenue"], currency),
                tone=tone_of(earned["revenue"]),
            ),
            kpi("Cost", money(earned["cost"].get("value"), currency), interval_line("money", earned["cost"], currency)),
            kpi(
                "Incremental net value",
                money(earned["net_value"].get("value"), currency, signed=True),
                interval_line("money", earned["net_value"], currency),
                tone=tone_of(earned["net_value"]),
            ),
            kpi(
                "Incremental ROI",
                percent((earned["incremental_roi"] or {}).get("value")),
                interval_line("share", earned["incremental_roi"] or {}),
                tone=tone_of(earned["incremental_roi"] or {}),
            ),
        ]
    rows = [{"metric": name, **(gain.get("total") or {})} for name, gain in found["metrics"].items()]
    return Drawn(dmc.SimpleGrid(cards, cols={"base": 1, "xs": 2, "lg": 3}), rows)


def compared(view: View) -> Drawn:
    """Campaign by campaign: state, verdict, health, lift, money."""
    found = portfolio.side_by_side(view)
    if not found:
        drafts = portfolio.drafts(view)
        why = f"{len(drafts)} drafts wait to be started." if drafts else "There is no campaign yet."
        return Drawn(empty(why, "", "/designer", "To the designer"), [])
    reasons = Reasons()
    rows = [_row(one, reasons) for one in found]
    lifts = [(row["name"], row["estimate"]) for row in rows if row["estimate"].get("lower") is not None]
    parts: list[Component] = []
    if lifts:
        figure = forest(lifts, "lift of the objective over the control", percent=True, reference=0.0)
        parts.append(graph(figure, "Lift of each campaign's largest variant over its control, with its 95 % interval."))
    shown = [
        {
            **row,
            "campaign": dcc.Link(row["name"], href=f"/campaign?campaign={row['campaign']}"),
            "state": state(row["state"]),
        }
        for row in rows
    ]
    parts += [table(COLUMNS, shown, "Campaigns side by side", 860), *reasons.below()]
    flat = [{name: row[name] for name in COLUMNS} for row in rows]
    return Drawn(dmc.Stack(parts), reasons.spelled(flat))


def _row(one: Mapping[str, Any], reasons: Reasons) -> dict[str, Any]:
    definition, document = one["definition"], one["results"]
    currency, control, objective = definition["currency"], document["control"], document["estimand"]["metric"]
    others = {key: each for key, each in document["variants"].items() if key != control and each["decisions"]}
    best = max(others, key=lambda key: others[key]["decisions"], default=None)
    contrast = others[best]["versus"].get(control, {}).get(objective, {}) if best else {}
    lift = contrast.get("relative") or {}
    earned = document["money"].get(best, {}) if best else {}
    failed = [check["name"] for check in document["checks"] if check["status"] == "failed"]
    return {
        "campaign": one["head"]["key"],
        "name": definition["name"] or one["head"]["key"],
        "state": one["head"]["status"],
        "verdict": headline(document["verdict"], one["head"]["status"]),
        "health": f"{len(failed)} checks failed: {', '.join(map(title, failed))}" if failed else "fine",
        "objective": title(objective),
        "lift": lift_told(lift, contrast, reasons) if contrast else "not compared",
        "net": money(earned.get("net_value"), currency) if best else MISSING,
        "roi": percent((earned.get("roi") or {}).get("value")),
        "estimate": lift,
    }


def by_event(view: View) -> Drawn:
    """Event types of the campaigns: how many decisions, and what they are told to be worth."""
    rows, reasons = [], Reasons()
    for one in portfolio.side_by_side(view):
        judged, currency = one["results"]["estimand"]["metric"], one["definition"]["currency"]
        unit = unit_of(one["results"], judged)
        types = {arm["key"]: arm.get("event_type") or "no event" for arm in one["definition"]["arms"]}
        for arm in portfolio.arms_of(view, one):
            value = arm["value"]
            rows.append(
                {
                    "event": title(types.get(arm["arm"], "no event")),
                    "campaign": one["definition"]["name"] or one["head"]["key"],
                    "arm": arm["arm"],
                    "decisions": arm["decisions"],
                    "value": in_unit(unit, value["value"], currency),
                    "interval": reasons.beside(interval(unit, value, currency), value),
                }
            )
    if not rows:
        return Drawn(empty("No arm has been given yet."), [])
    rows.sort(key=lambda row: (row["event"], row["campaign"], -row["decisions"]))
    most = sorted(rows, key=lambda row: -row["decisions"])[:MOST_ARMS]
    listed = [row for row in rows if row in most]
    columns = {
        "event": "Event type",
        "campaign": "Campaign",
        "arm": "Arm",
        "decisions": "Decisions #",
        "value": "What is judged, per decision #",
        "interval": "95 % interval #",
    }
    told = f"The {len(listed)} arms given most often; all {len(rows)} are in the downloads."
    parts: list[Component] = [
        table(
            columns,
            [{**row, "decisions": number(row["decisions"])} for row in listed],
            "Event types and their arms",
            720,
        ),
        *reasons.below(),
        *([] if len(listed) == len(rows) else [dmc.Text(told, size="sm", c="dimmed")]),
    ]
    return Drawn(dmc.Stack(parts), reasons.spelled(rows))


PORTFOLIO = Page(
    path="/",
    title="Portfolio",
    group="Campaigns",
    icon="portfolio",
    sections=(
        Section("summary", "", summary, height=60),
        Section(
            "together",
            "All campaigns together",
            together,
            explain="Against people whom no campaign may reach; who is in several campaigns counts once",
        ),
        Section("campaigns", "Campaigns side by side", compared),
        Section(
            "events",
            "Event types",
            by_event,
            explain=(
                "Of arms that a bandit draws, what they are worth adjusted for how it moved the traffic; an arm with a "
                "variant of its own has that variant's mean"
            ),
        ),
    ),
    filters=("period",),
)
