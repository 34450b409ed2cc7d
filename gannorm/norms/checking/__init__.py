"""What can go wrong with the norms of a model and the way it is trained: `check`, `pitfalls`."""
