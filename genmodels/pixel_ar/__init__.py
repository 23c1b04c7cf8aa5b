"""Images as sequences of pixels: one probability for each pixel given those before it."""
