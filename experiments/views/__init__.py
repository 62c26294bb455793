"""Read models for the doors."""
