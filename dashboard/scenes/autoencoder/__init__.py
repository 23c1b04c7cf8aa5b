"""The autoencoder page's scenes: bottlenecks, noise, and a plane with holes."""
