"""Sums made anew from the log."""
