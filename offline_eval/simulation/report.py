"""What a simulation found, as JSON, as a table and as a picture."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from offline_eval.estimate import Estimate
from offline_eval.simulation.simulate import Outcome


def as_json(outcomes: Sequence[Outcome], rounds: int, seeds: int) -> dict[str, Any]:
    """{rounds, seeds, environments: {ENVIRONMENT: {POLICY: {regret: EST, curve: [[rounds, regret], …]}}}}."""
    found: dict[str, Any] = {}
    for outcome in outcomes:
        curve = np.column_stack([outcome.rounds, outcome.curve]).tolist()
        entry = {"regret": outcome.regret.as_dict(), "curve": curve}
        found.setdefault(outcome.environment, {})[outcome.policy] = entry
    return {"rounds": rounds, "seeds": seeds, "environments": found}


def table(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """A header, then a line for each policy: mean regret of a round ± half its interval, environment by environment."""
    environments = list(dict.fromkeys(outcome.environment for outcome in outcomes))
    cells = {(outcome.policy, outcome.environment): _cell(outcome.regret) for outcome in outcomes}
    policies = list(dict.fromkeys(outcome.policy for outcome in outcomes))
    return [["policy", *environments], *([policy, *(cells[policy, e] for e in environments)] for policy in policies)]


def _cell(regret: Estimate) -> str:
    if regret.value is None:
        return "–"
    digits = max(1, 2 - math.floor(math.log10(max(abs(regret.value), 1e-3))))
    reach = "" if regret.upper is None else f" ± {regret.upper - regret.value:.{digits}f}"
    return f"{regret.value:.{digits}f}{reach}"


def markdown(outcomes: Sequence[Outcome], rounds: int, seeds: int) -> str:
    """The table with a line that says what it holds."""
    head, *lines = table(outcomes)
    rule = ["---", *("---:" for _ in head[1:])]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))
    note = f"Mean regret of a round against the policy that knows the truth, {rounds:,} rounds, {seeds} seeds"
    return f"{note}, ± half a 95 % interval over the seeds.\n\n{rows}\n"


COLOURS = ("#9aa0a6", "#3b6fb6", "#d1603d", "#2f8f6b", "#8a5fb0", "#c79a1e", "#b0426a", "#4aa3b5", "#6b6f2a", "#7a4a2b")


def draw(outcomes: Sequence[Outcome], path: Path) -> None:
    """Summed regret over time as a PNG: a panel for each environment, a line for each policy, bands of two errors."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    environments = list(dict.fromkeys(outcome.environment for outcome in outcomes))
    policies = list(dict.fromkeys(outcome.policy for outcome in outcomes))
    across = min(3, len(environments))
    down = -(-len(environments) // across)
    figure = Figure(figsize=(4.2 * across, 3.1 * down + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel, environment in zip(panels, environments, strict=False):
        _panel(panel, environment, [o for o in outcomes if o.environment == environment], policies)
    for panel in panels[len(environments) :]:
        panel.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), frameon=False, fontsize=9)
    figure.savefig(path, dpi=130)


def _panel(panel: Any, environment: str, outcomes: Sequence[Outcome], policies: Sequence[str]) -> None:
    for outcome in outcomes:
        colour = COLOURS[policies.index(outcome.policy) % len(COLOURS)]
        panel.plot(outcome.rounds, outcome.curve, color=colour, linewidth=1.6, label=outcome.policy)
        if np.isfinite(outcome.spread).all():
            low, high = outcome.curve - 2 * outcome.spread, outcome.curve + 2 * outcome.spread
            panel.fill_between(outcome.rounds, low, high, color=colour, alpha=0.15, linewidth=0)
    panel.set_title(environment.replace("_", " "), loc="left", fontsize=11)
    panel.set_xlabel("rounds", fontsize=9)
    panel.set_ylabel("regret, summed", fontsize=9)
    panel.tick_params(labelsize=8)
    panel.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_xlim(left=0)
    panel.set_ylim(bottom=0)
