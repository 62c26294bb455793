"""Names of what rollups count beside metrics; `#` keeps them apart from any metric of an experiment's own."""

DECISIONS = "#decisions"
"""Matured decisions."""

UNITS = "#units"
"""Units with their first decision in the variant, voided or not (intention to treat)."""

ARM_UNITS = "#arm_units"
"""Units with their first delivered decision of the arm."""

FORCED = "#forced"
"""Forced decisions; they are in nothing else."""
