"""Readouts: comparisons between variants and between arms, checks, money, delay, verdict; all from mergeable sums."""
