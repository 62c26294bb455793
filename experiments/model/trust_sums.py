"""Names of the trust checks' sums, and what a row of each holds. A group's parts are joined by `|`.

Counts of decisions are of units' first ones (epoch 0, attempt 0): one trial for each unit, so that trials are
independent. Forced decisions and rejected rows of a replay are in none of them.
"""

SEPARATOR = "|"

ENROLLED = "enrolled"
"""revision | variant → units first decided for."""

ASSIGNED = "assigned"
"""revision | variant → units first decided for, matured or not, as far as `store.assigned` has counted."""

RATIO = "ratio"
"""arm → times drawn, Σ p and Σ p (1 - p) where it was eligible; every draw of a variant that draws."""

CALIBRATION = "calibration"
"""'' → for each bin of p its draws, Σ p and Σ p (1 - p)."""

DRAWS = "draws"
"""variant → draws u by sixteenths of [0, 1)."""

VOIDS = "voids"
"""variant | arm → first decisions voided and delivered."""

EXPOSURE = "exposure"
"""variant → first decisions of arms other than `nothing` that were delivered or viewed, and those that were not."""

DAYS = "days"
"""variant | day since 1970 in the experiment's time zone → units first decided for, Σ y, Σ y², how many y are not 0."""

LAG = "lag"
"""`variant V` or `week N` → first decisions by how late the slowest outcome that named or met them came."""

LATE = "late"
"""variant → first decisions with an outcome that came too late to count; kept apart, because the joiner reads none."""

LAG_EDGES = (60, 3600, 86_400, 604_800)
"""Seconds from occurrence to receipt; bins are below the first, between them, and above the last."""

LAG_BINS = len(LAG_EDGES) + 1

LATE_THROUGH = "late_through"
"""Of experiment 0: '' → the last outcome's id that was looked at for being late."""
