"""The variational autoencoder: the model and its training in torch, its runtime in numpy."""
