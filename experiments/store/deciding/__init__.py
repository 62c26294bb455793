"""Decisions as they are written and read."""
