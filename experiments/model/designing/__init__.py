"""What a campaign's definition says."""
