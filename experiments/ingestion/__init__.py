"""What arrives in streams and files: decoded, checked, and handed to the services."""
