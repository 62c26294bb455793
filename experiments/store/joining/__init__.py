"""What the joiner reads and where it stands."""
