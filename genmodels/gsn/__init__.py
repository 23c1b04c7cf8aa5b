"""Generative stochastic networks: a denoising autoencoder run as a Markov chain, and how it is trained."""
