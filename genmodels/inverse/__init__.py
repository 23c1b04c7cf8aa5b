"""Inverse problems: what was measured, the exact posterior, guided diffusion samplers, and how far they are off."""
