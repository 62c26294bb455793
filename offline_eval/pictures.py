"""Pictures of a replay: how weights are spread, and whether arms came as often as their probabilities say."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

FORMATS = (".png", ".svg")
MOST_POLICIES, MOST_ARMS = 8, 30
BLUE, GREY = "#2563a8", "#8a8a8a"
WRAP = 28
"""Characters after which a name goes on in the next line."""


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Write the picture of a replay with `pictures` (`Options(pictures=True)`); PNG or SVG by the ending of `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = _shown(result)
    arms = list(result["pictures"]["calibration"].items())[:MOST_ARMS]
    tall = max(1.1 * len(names), 0.32 * len(arms), 2.0) + 1.6
    figure = Figure(figsize=(11.5, tall), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subfigures(1, 2, width_ratios=(1.25, 1.0), squeeze=False)[0]
    figure.suptitle(_plain(f"{result['log']['name']}: what the log can tell, {result['n']:,} rows"), x=0.01, ha="left")
    _weights(left, result, names)
    _calibration(right, arms)
    figure.savefig(path, dpi=140, metadata={"Date": None} if path.suffix == ".svg" else None)


def _shown(result: Mapping[str, Any]) -> list[str]:
    """Policies other than the log's own, those that the log is worth most to first."""
    worth = {
        name: found["diagnostics"]["effective_n"] for name, found in result["policies"].items() if name != "logging"
    }
    return sorted(worth, key=lambda name: worth[name], reverse=True)[:MOST_POLICIES]


def _weights(panel: Any, result: Mapping[str, Any], names: Sequence[str]) -> None:
    weights = result["pictures"]["weights"]
    edges = np.array(weights["edges"])
    rest = len(result["policies"]) - 1 - len(names)
    more = f" (the {len(names)} best supported of {rest + len(names)})" if rest > 0 else ""
    panel.suptitle(f"Weights of the rows{more}", fontsize=11)
    if not names:
        return
    axes = panel.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axis, name in zip(axes, names, strict=True):
        found, told = weights["policies"][name], result["policies"][name]["diagnostics"]
        share = np.array(found["counts"]) / max(found["zero"] + sum(found["counts"]), 1)
        axis.stairs(share, edges, fill=True, color=BLUE, alpha=0.75)
        axis.axvline(1.0, color=GREY, linewidth=0.8, linestyle="--")
        zero = found["zero"] / max(found["zero"] + sum(found["counts"]), 1)
        largest = max(told["largest_share"], 0.001)
        note = f"{zero:.0%} of rows weigh 0, worth {told['effective_n']:,.0f} rows, the largest at most {largest:.1%}"
        axis.set_title(note, loc="right", fontsize=7.5, pad=3)
        axis.set_ylabel(_plain(fill(name, WRAP)), rotation=0, ha="right", va="center", fontsize=8.5)
        axis.tick_params(labelsize=7.5)
        axis.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xscale("log")
    axes[-1].set_xlim(*_reach(edges, [weights["policies"][name]["counts"] for name in names]))
    axes[-1].set_xlabel("weight: policy's probability over the log's (logarithmic); bars: share of rows", fontsize=9)


def _reach(edges: Any, counts: Sequence[Sequence[int]]) -> tuple[float, float]:
    """Around the weights that occur, at least from a tenth to ten."""
    used = np.flatnonzero(np.sum(counts, axis=0))
    if not len(used):
        return 0.1, 10.0
    return min(0.1, float(edges[used[0]]) / 1.5), max(10.0, float(edges[used[-1] + 1]) * 1.5)


def _calibration(panel: Any, arms: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    panel.suptitle("Rows of each arm over those expected", fontsize=11)
    axis = panel.subplots()
    for place, (_, found) in enumerate(arms):
        if found["ratio"] is None:
            axis.text(1.0, place, "never expected", fontsize=7.5, ha="center", va="center", color=GREY)
            continue
        axis.plot([found["lower"], found["upper"]], [place, place], color=BLUE, linewidth=1.6)
        axis.plot([found["ratio"]], [place], "o", color=BLUE, markersize=4.5)
    axis.axvline(1.0, color=GREY, linewidth=0.8, linestyle="--")
    axis.set_yticks(range(len(arms)), [_plain(fill(name, WRAP)) for name, _ in arms], fontsize=8.5)
    axis.set_ylim(len(arms) - 0.5, -0.5)
    axis.tick_params(axis="x", labelsize=7.5)
    axis.set_xlabel(
        "dots: 1 is as logged; lines: where 95 % of dots fall\nif the logged probabilities are right", fontsize=9
    )
    axis.spines[["top", "right"]].set_visible(False)


def _plain(text: str) -> str:
    """A dollar sign is a dollar sign, not mathematics."""
    return text.replace("$", r"\$")
