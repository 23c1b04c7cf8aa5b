"""The diffusion page's scenes: forward and back, exact and learned, stored and live."""
