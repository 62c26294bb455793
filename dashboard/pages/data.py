"""What comes in and what goes out: outcomes, imports, streams, dead letters, destinations."""

import dash_mantine_components as dmc

from dashboard.cards.empty import empty
from dashboard.cards.kpi import kpi
from dashboard.cards.state import state
from dashboard.cards.table import table
from dashboard.data import traffic
from dashboard.format import MISSING, moment, number, percent, title
from dashboard.page import Drawn, Page, Section, View

CLASSES = {
    "accepted": "counted for a decision",
    "pending": "names a decision not seen yet",
    "unattributed": "no open decision; kept",
    "late": "after the window; kept, not counted",
}


def flow(view: View) -> Drawn:
    """Outcomes by class, messages that wait, dead letters."""
    document = traffic.flow(view)
    total = sum(document["outcomes"].values())
    waiting = sum(one["waiting"] for one in document["outbox"])
    oldest = min((one["oldest"] for one in document["outbox"]), default=None)
    cards = [
        kpi(f"Outcomes {name}", percent(count / total), dmc.Text(CLASSES.get(name, ""), size="xs", c="dimmed"))
        for name, count in document["outcomes"].items()
    ]
    since = dmc.Text(f"oldest since {moment(oldest)}" if oldest else "nothing waits", size="xs", c="dimmed")
    dead = dmc.Text("could not be taken; see below" if document["dead_letters"] else "none", size="xs", c="dimmed")
    cards += [
        kpi("Messages to be published", number(waiting), since),
        kpi("Dead letters", number(document["dead_letters"]), dead),
    ]
    rows = [{"class": name, "count": count} for name, count in document["outcomes"].items()]
    told = dmc.Text(f"Of the latest {number(total)} outcomes.", size="sm", c="dimmed")
    return Drawn(dmc.Stack([told, dmc.SimpleGrid(cards, cols={"base": 1, "xs": 2, "lg": 4})]), rows)


def imports(view: View) -> Drawn:
    """Imports with what was rejected."""
    rows = traffic.latest_imports(view)
    if not rows:
        return Drawn(
            empty("Nothing was imported yet.", "winback import units FILE brings profiles; see docs/importing.md."), []
        )
    shown = [
        {
            "source": f"{title(row['kind'])} from {row['source']}",
            "status": state(row["status"]),
            "accepted": number(row["accepted"]),
            "rejected": number(row["rejected"]),
            "duplicates": number(row["duplicates"]),
            "started": moment(row["started_at"]),
        }
        for row in rows
    ]
    columns = {
        "source": "Import",
        "status": "State",
        "accepted": "Accepted #",
        "rejected": "Rejected #",
        "duplicates": "Known already #",
        "started": "Started",
    }
    return Drawn(table(columns, shown, "Imports, newest first", 640), rows)


def dead(view: View) -> Drawn:
    """Messages that could not be taken, with the reason."""
    rows = traffic.dead(view)
    if not rows:
        return Drawn(empty("No dead letters."), [])
    shown = [{**row, "died": moment(row["died_at"]), "body": dmc.Code(row["body"][:120])} for row in rows]
    columns = {"stream": "Stream", "reason": "Why", "died": "When", "body": "Begins with"}
    told = dmc.Text("Mend the sender, then: winback dead-letters replay --all", size="sm", c="dimmed")
    return Drawn(dmc.Stack([table(columns, shown, "Dead letters", 640), told]), rows)


def connectors(view: View) -> Drawn:
    """Destinations of deliveries."""
    rows = traffic.connectors(view)
    if not rows:
        return Drawn(empty("No destination yet.", "POST /v1/destinations adds a CRM; see docs/deliveries.md."), [])
    shown = [
        {
            "key": row["key"],
            "kind": title(row["kind"]),
            "url": row["url"] or MISSING,
            "secrets": state("yes") if row["secrets_present"] else state("no"),
        }
        for row in rows
    ]
    columns = {"key": "Destination", "kind": "Kind", "url": "Address", "secrets": "Secrets there"}
    return Drawn(table(columns, shown, "Destinations", 520), [{**row, "options": str(row["options"])} for row in rows])


DATA = Page(
    path="/data",
    title="Data",
    group="Service",
    icon="data",
    sections=(
        Section("flow", "In and out", flow),
        Section("imports", "Imports", imports),
        Section("dead", "Dead letters", dead),
        Section("connectors", "Destinations", connectors),
    ),
    filters=(),
)
