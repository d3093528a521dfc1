"""The world: simulated customers who answer, so that a result can be held against the truth."""
