"""Money by variant, and what each earned beyond the control: one account, whose numbers follow from each other.

Sums are over all matured decisions of a variant, and ROI is the ratio of two of them. What is incremental is compared
within revisions: Σ_r N(t, r) (mean of t in r - mean of the control in r), over the revisions in which the control has
decisions; the others are named, and are in no incremental amount and no ratio of two of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.views.readout.comparing import Comparing
from experiments.views.readout.group import Group
from experiments.views.readout.withholding import noted
from offline_eval.ab.bucketed import Linearised
from offline_eval.ab.bucketed_contrast import Look
from offline_eval.ab.bucketed_money import (
    AMOUNTS,
    CAPPED_NET,
    CAPPED_REVENUE,
    REENGAGED,
    bucketed_money,
    capped_return,
    incremental,
    of_own_decisions,
)
from offline_eval.ab.money import RatioEstimate

Document = dict[str, Any]

NEEDED = (*AMOUNTS, REENGAGED, "roi")
"""Metrics that a group must be prepared for, and CAPPED where some revision has a cap."""
CAPPED = (CAPPED_REVENUE, CAPPED_NET)


@dataclass(frozen=True, slots=True)
class Earning:
    """Accounts against one control. `revisions`: those of the groups' strata, in order."""

    comparing: Comparing
    revisions: Sequence[int]
    control: Group

    def document(self, group: Group, compared: bool) -> Document:
        """Amounts and ROI; where it is compared, incremental amounts, their ROI and the cost per re-engagement.

        `capped`: the same with revenue up to the cap, where there is one.
        """
        totals, look = {name: group.total(name) for name in AMOUNTS}, Look(self.comparing.method == "always_valid")
        if not compared:
            found = bucketed_money(totals, group.own("roi"), None, {}, look)
            return {**found.totals, "roi": self._ratio(found.roi, "roi"), "capped": self._capped(group, None)}
        decisions, met = group.decisions, self.control.decisions > 0
        pair = of_own_decisions(_ready(group), _ready(self.control), decisions)
        lift = {name: self.comparing.contrast(one, pair[1][name]) for name, one in pair[0].items()}
        found = bucketed_money(totals, group.own("roi"), pair, lift, look)
        shared = round(float(decisions[met].sum()))
        return {
            **found.totals,
            "roi": self._ratio(found.roi, "roi"),
            "incremental": {
                name: noted(incremental(one, shared), name, self.comparing.bounds) for name, one in found.lift.items()
            },
            "incremental_roi": self._ratio(found.incremental_roi, "incremental_roi"),
            "cost_per_incremental": self._ratio(found.cost_per_incremental, "cost_per_incremental"),
            "compared": {"decisions": shared, "left_out": self._left_out(np.where(met, 0.0, decisions))},
            "capped": self._capped(group, look),
        }

    def _capped(self, group: Group, look: Look | None) -> Document | None:
        """The same with each user's revenue counted up to the cap, over the revisions that have one; None without any.

        Where it is compared, `look` says how; bounds come from the limits that the cap sets.
        """
        bounds = self.comparing.bounds
        if not bounds.caps:
            return None
        document: Document = {name.removeprefix("capped_"): group.total(name) for name in CAPPED}
        document["above_cap"] = group.above_cap()
        if look is None:
            return document
        computed = bounds.has_value(CAPPED_NET, self.revisions) & (self.control.decisions > 0)
        pair = of_own_decisions(_ready(group, CAPPED), _ready(self.control, CAPPED), group.decisions)
        shared = round(float(group.decisions[computed].sum()))
        lifts = {name: self.comparing.contrast(pair[0][name], pair[1][name]) for name in CAPPED}
        return {
            **document,
            "incremental": {name.removeprefix("capped_"): incremental(one, shared) for name, one in lifts.items()},
            "incremental_roi": capped_return(pair, look).as_dict(),
            "compared": {
                "decisions": shared,
                "left_out": self._left_out(np.where(computed, 0.0, group.decisions)),
            },
        }

    def _ratio(self, found: RatioEstimate | None, name: str) -> Document | None:
        return None if found is None else noted(found.as_dict(), name, self.comparing.bounds)

    def _left_out(self, decisions: Any) -> dict[str, int]:
        """Revision → decisions of the group that have no control beside them."""
        by_revision = zip(self.revisions, decisions.tolist(), strict=True)
        return {str(revision): round(count) for revision, count in by_revision if count}


def _ready(group: Group, more: Sequence[str] = ()) -> dict[str, Linearised]:
    return {name: group.linearised(name) for name in (*AMOUNTS, REENGAGED, *more)}
