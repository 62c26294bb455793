"""The commands, one file each. What is slow to import is imported inside: `winback --help` must answer at once."""
