"""Caps, budgets and their pacing."""
