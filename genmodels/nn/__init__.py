"""What neural models share: layers, parameters as arrays, the training of one module, a runtime without torch."""
