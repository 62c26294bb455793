"""What has been spent and lent."""
