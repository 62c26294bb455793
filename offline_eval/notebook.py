"""Results as HTML for a notebook: one self-contained piece, every name escaped, nothing loaded from anywhere."""

from collections.abc import Sequence
from html import escape

from offline_eval.frames import Json, lines_of
from offline_eval.judging import report

COLOURS = {"trust": "#1a7f37", "caution": "#9a6700", "unusable": "#cf222e"}
"""Of verdicts; each with a contrast of at least 4.5 on white."""

STYLE = "border-collapse:collapse;margin:.5em 0;font-size:90%"
CELL = "padding:.2em .7em;border-bottom:1px solid rgba(128,128,128,.35);vertical-align:middle"
PICTURE = 160
"""Width of an interval's picture in pixels."""


def replay_html(result: Json) -> str:
    """The policies with intervals and verdicts, who is best, and every doubt."""
    log, estimator = result["log"], report.shown(result)
    found = result["policies"]
    span = _span([policy["estimates"][estimator] for policy in found.values()])
    rows = []
    for line in report.lines(result):
        colour = COLOURS[line[-1]]
        verdict = f'<b style="color:{colour}">{escape(line[-1])}</b>'
        picture = _picture(found[line[0]]["estimates"][estimator], span)
        rows.append([*map(escape, line[:3]), picture, *map(escape, line[3:-1]), verdict])
    head = report.header(result)
    said = [*report.remark(result), report.conclusion(result), *report.doubts(result)]
    title = f"{log['name']}: {log['objective']} per decision, {result['n']:,} rows, by {estimator}"
    return _piece(title, [*head[:3], "", *head[3:]], rows, said)


def readout_html(document: Json) -> str:
    """Verdict and checks first, then every arm's (or variant's) metrics and lifts over the control."""
    kind = "variant" if "variants" in document else "arm"
    lines = lines_of(document)
    lifts = [{name: line[f"lift_{name}"] for name in ("value", "lower", "upper")} for line in lines]
    rows = [
        [
            *map(escape, (str(line["metric"]), str(line[kind]), _count(line["n"]), _interval(line), _interval(lift))),
            _picture(lift, _span(_of_metric(line["metric"], lines, lifts)), zero=True),
            escape(report.number(line["p_value"], 3)),
        ]
        for line, lift in zip(lines, lifts, strict=True)
    ]
    name = document["log"]["name"] if "log" in document else document["experiment"]
    said = [f"{document['verdict']['word']}: {document['verdict']['reason']}"]
    said += [f"{c['name']} {c['status']}: {c['detail']}" for c in document["checks"] if c["status"] != "ok"]
    head = ["metric", kind, "n", "mean", f"versus {document['control']}", "", "p"]
    return _piece(f"{name}, against {document['control']}", head, rows, said)


def _of_metric(metric: str, lines: Sequence[Json], lifts: Sequence[Json]) -> list[Json]:
    return [lift for line, lift in zip(lines, lifts, strict=True) if line["metric"] == metric]


def _piece(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], said: Sequence[str]) -> str:
    """`rows` are HTML; everything else is text."""
    top = "".join(f'<th style="{CELL};text-align:left">{escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f'<td style="{CELL}">{cell}</td>' for cell in row) + "</tr>" for row in rows)
    sentences = "".join(f"<p style='margin:.2em 0'>{escape(sentence)}</p>" for sentence in said)
    table = f'<table style="{STYLE}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    return f"<div><p><b>{escape(title)}</b></p>{table}{sentences}</div>"


def _span(estimates: Sequence[Json]) -> tuple[float, float]:
    """From the least to the greatest number that is known."""
    known = [each[name] for each in estimates for name in ("value", "lower", "upper") if each[name] is not None]
    return (min(known), max(known)) if known else (0.0, 0.0)


def _picture(estimate: Json, span: tuple[float, float], *, zero: bool = False) -> str:
    """The interval as a line with a dot; a line to the edge is unbounded. `zero`: with a mark where nothing changes."""
    low, high = (min(span[0], 0.0), max(span[1], 0.0)) if zero else span
    if estimate["value"] is None or not high > low:
        return ""

    def at(number: float | None, edge: float) -> str:
        return f"{edge if number is None else 4 + (PICTURE - 8) * (number - low) / (high - low):.1f}"

    left, right, dot = at(estimate["lower"], 0.0), at(estimate["upper"], PICTURE), at(estimate["value"], 0.0)
    none = at(0.0, 0.0)
    mark = f'<line x1="{none}" x2="{none}" y1="0" y2="14" stroke-dasharray="2"/>' if zero else ""
    line = f'<line x1="{left}" x2="{right}" y1="7" y2="7"/>'
    circle = f'<circle cx="{dot}" cy="7" r="3" fill="currentColor"/>'
    return f'<svg width="{PICTURE}" height="14" stroke="currentColor" aria-hidden="true">{mark}{line}{circle}</svg>'


def _count(n: int | None) -> str:
    return "–" if n is None else f"{n:,}"


def _interval(estimate: Json) -> str:
    return "–" if estimate["value"] is None else f"{report.number(estimate['value'])} ({report.bounds(estimate)})"
