"""Inference: log p(x) and p(z | x), which cannot be computed, exact in two dimensions and bounded in more."""
