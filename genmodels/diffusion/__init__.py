"""Diffusion: schedules, the walk forward and back, exact denoisers, learned ones and their training."""
