"""Energy-based models: a density known up to a constant, how it is learned, and what it makes of the plane."""
