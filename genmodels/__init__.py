"""Generative models as iterators of states. Importing the package imports nothing else."""
