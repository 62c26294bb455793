"""A replay's result as tables that people read."""

from collections.abc import Mapping, Sequence
from typing import Any

from offline_eval.judging.leaderboard import standing
from offline_eval.judging.results import headline

Line = tuple[str, ...]

VERDICT = 5
"""Place of the verdict under the header."""


def header(result: Mapping[str, Any]) -> Line:
    """What the columns of `lines` hold."""
    return ("policy", "value", f"{confidence(result):g} % interval", "versus logging", "worth rows", "verdict")


def confidence(result: Mapping[str, Any]) -> float:
    """In per cent."""
    return round(100.0 * (1.0 - float(result.get("claim", {}).get("alpha", 0.05))), 6)


def shown(result: Mapping[str, Any]) -> str:
    """The estimator whose numbers the table shows."""
    first = next(iter(result["policies"].values()))
    return headline(list(first["estimates"]))


def lines(result: Mapping[str, Any]) -> list[Line]:
    """A line for each policy: what can be used first, then the highest value."""
    estimator = shown(result)
    found = [(name, policy["estimates"][estimator], policy) for name, policy in result["policies"].items()]
    found.sort(key=lambda item: standing(item[2]["verdict"], item[1]["value"]))
    return [
        (
            name,
            number(estimate["value"]),
            bounds(estimate),
            bounds(policy["versus_logging"][estimator]),
            f"{policy['diagnostics']['effective_n']:,.0f}",
            policy["verdict"],
        )
        for name, estimate, policy in found
    ]


def number(value: float | None, digits: int = 4) -> str:
    """So many significant digits; a dash where there is no number."""
    return "–" if value is None else f"{value:.{digits}g}" if abs(value) < 100 else f"{value:,.0f}"


def bounds(estimate: Mapping[str, Any]) -> str:
    """Lower to upper; an unknown bound is a dash."""
    return f"{number(estimate['lower'], 3)} … {number(estimate['upper'], 3)}"


def doubts(result: Mapping[str, Any]) -> list[str]:
    """Every verdict's reason that is not `trust`, policies with the same one together."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, policy in result["policies"].items():
        if policy["verdict"] != "trust":
            found.setdefault((policy["verdict"], policy["reason"]), []).append(name)
    return [f"{verdict}: {', '.join(names)}. {reason}" for (verdict, reason), names in found.items()]


def failed(result: Mapping[str, Any]) -> list[str]:
    """Every policy that could not be judged, with its reason."""
    return [f"not judged: {name}. {reason}" for name, reason in result.get("failed", {}).items()]


def remark(result: Mapping[str, Any]) -> list[str]:
    """That values of the table stand for different rows, where they do."""
    rows = {policy["estimates"][shown(result)]["n"] for policy in result["policies"].values()}
    if len(rows) == 1:
        return []
    return [
        f"Policies that were trained are judged on the {min(rows):,} later rows, the others on all {max(rows):,}; "
        "who is better is told on the same rows."
    ]


def conclusion(result: Mapping[str, Any]) -> str:
    """What the leaderboard says, in a sentence or two."""
    board = result["leaderboard"]
    winner = board["winner"]
    if winner is None:
        return "No policy can be recommended from this log: none of their values can be relied on."
    value = winner["value"]
    held_out = f"{winner['policy']}: {number(value['value'])} ({bounds(value)}) on units that did not choose it."
    return " ".join(filter(None, (_first(result, winner["policy"]), held_out, winner.get("sentence", ""))))


def _first(result: Mapping[str, Any], winner: str) -> str:
    """Why the policy at the head of the table is not the one that the sentence is about, where it is not."""
    usable = (line[0] for line in lines(result) if line[0] != "logging" and line[-1] != "unusable")
    first = next(usable, winner)
    if first == winner:
        return ""
    return f"{first} is highest here, {winner} was on the units that choose: neither is shown to be the better one."


def markdown(result: Mapping[str, Any], command: str) -> str:
    """The whole result for a document, with the command that makes it."""
    log, board = result["log"], result["leaderboard"]
    parts = [
        f"### {log['name']}",
        f"`{command}`",
        f"{result['n']:,} rows, objective {log['objective']}, propensities {log['propensities']}, "
        f"estimator {shown(result)}.",
        _table(header(result), lines(result)),
        *remark(result),
        conclusion(result),
    ]
    if board["best_fixed"]:
        head = ("policy", f"versus {board['best_fixed']}", "shown to be better")
        rows = [
            (line["policy"], bounds(line["versus_best_fixed"]), "yes" if line["better"] else "no")
            for line in board["ranking"]
        ]
        parts.append(_table(head, rows))
    parts += [f"- {told}" for told in (*failed(result), *doubts(result))]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in (head, rule, *rows)
    )
