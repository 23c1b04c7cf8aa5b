"""Flow matching: exact velocities, learned ones and their training, and the ODE that carries noise to data."""
