"""Engines, locks, leases, the outbox, and how rows are written in bulk."""
