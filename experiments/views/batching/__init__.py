"""Batches, their files and deliveries."""
