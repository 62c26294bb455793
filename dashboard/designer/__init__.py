"""The designer's form: pure functions between a definition and what is shown and typed."""
