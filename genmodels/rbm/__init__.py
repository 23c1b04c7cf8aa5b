"""Restricted Boltzmann machines: the model, how it is trained, and how its partition function is estimated."""
