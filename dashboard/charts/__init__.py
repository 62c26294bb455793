"""Charts: pure functions from what views return to figures of at most a few thousand points."""
