"""Campaigns from draft to archive, and what people change by hand."""
