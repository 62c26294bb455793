"""Experiments, their revisions, the catalogue of arms."""
