"""Deciding: from a request to a committed decision and its reply."""
