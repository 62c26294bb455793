"""The database: engines, sessions and the statements that the services use."""
