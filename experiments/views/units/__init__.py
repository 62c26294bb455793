"""People and segments."""
