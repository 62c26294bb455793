"""What a decision is made of, and how it is derived again."""
