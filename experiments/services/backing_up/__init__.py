"""Backups of a whole service: its database and its data directory, taken while it runs, and put back."""
