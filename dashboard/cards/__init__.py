"""Cards: pure functions from what views return to components."""
