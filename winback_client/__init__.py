"""Winback client: what callers import; it depends on nothing else of this project."""
