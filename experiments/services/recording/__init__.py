"""Recording: outcomes are kept whatever they are, and told what they are taken for (law 5)."""
