"""From logged rounds to snapshots of policies."""
