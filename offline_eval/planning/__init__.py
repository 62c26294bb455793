"""Plans before launch: how many units a fixed test needs, and what a bandit would do on a given audience."""

from offline_eval.planning.errors import PlanError
from offline_eval.planning.fixed import FixedTest, plan_fixed
from offline_eval.planning.metrics import METRICS
from offline_eval.planning.plan import Asked, plan, read_plan
from offline_eval.planning.stopping import STOP_RULES

__all__ = ["METRICS", "STOP_RULES", "Asked", "FixedTest", "PlanError", "plan", "plan_fixed", "read_plan"]
