"""The names that every experiment knows without defining them. An experimenter's own kinds of outcome come on top."""

OUTCOME_KINDS = (
    "delivered",
    "view",
    "click",
    "time_spent",
    "participation",
    "session",
    "conversion",
    "revenue",
    "reward_redeemed",
    "unsubscribe",
)

EVENT_METRICS = (*OUTCOME_KINDS, "reengagement")
"""Default metrics over a decision's outcomes; a definition may replace one by its own of the same name."""

COST_METRICS = ("reward_cost", "contact_cost")

CAPPED_METRICS = {"revenue": "capped_revenue", "net_value": "capped_net_value"}
"""What a verdict about money concerns: the same, with each unit's revenue in a revision counted up to `cap_revenue`."""

MONEY_METRICS = (*COST_METRICS, "net_value", "roi", *CAPPED_METRICS.values())
"""Metrics of money, whose meaning is fixed."""

AMOUNT_METRICS = frozenset({"revenue", *MONEY_METRICS} - {"roi"})
"""Metrics in the experiment's currency."""
