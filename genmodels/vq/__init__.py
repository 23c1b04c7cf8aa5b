"""The vector-quantised autoencoder: training in torch; a runtime, measures and a prior over its words in numpy."""
