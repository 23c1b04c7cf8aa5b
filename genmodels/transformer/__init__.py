"""A transformer that says the next letter: its config and torch module, its training, and a runtime without torch."""
