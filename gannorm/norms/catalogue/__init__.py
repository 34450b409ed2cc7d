"""The norms themselves: one class or function with its row each."""
