"""A replay for people: the policies, who is best, and every doubt."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from cli.tables import Sheet
from offline_eval.judging import report

COLOURS = {"trust": "green", "caution": "yellow", "unusable": "red"}


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print it."""
    console.print(policy_table(result))
    for sentence in (*report.remark(result), report.conclusion(result), *report.doubts(result)):
        console.print(sentence)


def policy_table(result: Mapping[str, Any]) -> Sheet:
    """A line for each policy, best value first."""
    log = result["log"]
    title = f"{log['name']}: {log['objective']} per decision, {result['n']:,} rows, by {report.shown(result)}"
    verdict = len(report.HEADER) - 1
    table = Sheet(title, report.HEADER, frozenset({0, verdict}), COLOURS)
    for line in report.lines(result):
        table.add_row(*line)
    return table
