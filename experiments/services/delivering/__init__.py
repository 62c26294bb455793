"""What was decided on its way to the systems that send it."""
