"""Batch decisions: a whole base is asked for at one instant, and decided block by block, resumably."""
