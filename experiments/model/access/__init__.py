"""Principals, passwords, rates."""
