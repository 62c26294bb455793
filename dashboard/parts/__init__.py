"""Sections that are too long, or too widely used, to stand in the file of one page."""
