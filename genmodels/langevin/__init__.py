"""Langevin: walkers that follow ∇ log p and noise; p(x) need be known up to a constant only."""
