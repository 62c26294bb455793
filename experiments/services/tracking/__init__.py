"""Calls of analytics SDKs as outcomes and profiles."""
