"""The variational autoencoder page's scenes: a plane of codes with a prior, stored and live."""
