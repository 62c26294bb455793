"""The only rooms of the dashboard that call views and services; everything else is given what they return."""
