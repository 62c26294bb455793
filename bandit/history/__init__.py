"""What is known of a unit from its history, as features of a decision: one definition for training, serving and batch.

The store reduces a unit's events to facts that change with its events only (`facts`); what depends on the instant of
the decision is computed from them then, by one set of formulas (`features`), for one unit or for columns of many.
"""

from bandit.history.facts import DAY, FactColumns, UnitFacts
from bandit.history.features import FEATURES, VERSION, Feature, feature_columns, features_of

__all__ = ["DAY", "FEATURES", "VERSION", "FactColumns", "Feature", "UnitFacts", "feature_columns", "features_of"]
