"""What an experiment is: definitions, tables, times."""
