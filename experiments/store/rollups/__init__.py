"""Sums by day, hour, variant, arm and segment."""
