"""What the clock starts: the worker and its jobs."""
