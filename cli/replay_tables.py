"""A replay for people: the policies, who is best, and every doubt."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from cli.tables import Sheet
from offline_eval.judging import report

BEST = 3
"""Policies shown by segment: those of the highest values over everybody."""

LEFT = frozenset({0, 1, 6})
COLOURS = {"trust": "green", "caution": "yellow", "unusable": "red"}


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print it."""
    console.print(policy_table(result))
    told = (*report.failed(result), *report.remark(result), report.conclusion(result), *report.doubts(result))
    for sentence in told:
        console.print(sentence)
    for found in result.get("sensitivity", {}).get("policies", {}).values():
        console.print(found["sentence"])
    for sentence in result["log"].get("unknown", ()):
        console.print(f"Several logs: {sentence}. Each row keeps its own logger's probability.")
    for column, values in result.get("segments", {}).items():
        console.print(segment_table(result, column, values))


def policy_table(result: Mapping[str, Any]) -> Sheet:
    """A line for each policy, best value first."""
    log = result["log"]
    title = f"{log['name']}: {log['objective']} per decision, {result['n']:,} rows, by {report.shown(result)}"
    table = Sheet(title, report.header(result), frozenset({0, report.VERDICT}), COLOURS)
    for line in report.lines(result):
        table.add_row(*line)
    return table


def segment_table(result: Mapping[str, Any], column: str, values: Mapping[str, Any]) -> Sheet:
    """The BEST policies in every segment; the difference's bounds are adjusted for all segments and policies."""
    best = [line[0] for line in report.lines(result) if line[0] != "logging"][:BEST]
    rest = len(result["policies"]) - 1 - len(best)
    title = f"by {column}" + (f"; the {rest} other policies are in --json" if rest > 0 else "")
    table = Sheet(title, (column, "policy", "n", "value", "interval", "versus logging, adjusted", "differs"), LEFT)
    for value, found in values.items():
        table.add_section()
        for name in best:
            if name in found["policies"]:
                table.add_row(value, name, *_segment_cells(found["policies"][name]))
    return table


def _segment_cells(cell: Mapping[str, Any]) -> tuple[str, ...]:
    if cell["value"]["value"] is None:
        return f"{cell['n']:,}", "–", cell["reason"], "", ""
    versus = {**cell["versus_logging"], **cell.get("adjusted", {})}
    differs = "yes" if cell.get("differs") else "not shown"
    return (
        f"{cell['n']:,}",
        report.number(cell["value"]["value"]),
        report.bounds(cell["value"]),
        report.bounds(versus),
        differs,
    )
