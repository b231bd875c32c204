"""Plan (pure) and run: the one direction in which everything flows."""
