"""SHOW: what marketers read and click; numbers come from views, changes go through services."""
