"""WaveNet: sound, a sample at a time: the model and its training in torch, its runtime in numpy."""
