"""Outcomes, voids, and what could not be kept."""
