"""Outcome kinds, metrics and objectives as functions of a matured decision."""
