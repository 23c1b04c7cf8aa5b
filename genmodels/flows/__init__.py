"""Normalizing flows: monotone splines, coupling layers, their runtime and their training."""
