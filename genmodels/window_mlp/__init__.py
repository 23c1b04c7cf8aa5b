"""A perceptron over a fixed window of letters (Bengio et al. 2003): its training, and a runtime without torch."""
