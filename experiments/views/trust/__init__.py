"""Checks of whether the data can be trusted."""
