"""Whole designs drawn at random, simulated through the product's own code, and every claim that it makes counted."""
