"""Alerts, guardrails and stop rules as they stand."""
