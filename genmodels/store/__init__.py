"""The store: checkpoints, the recipes that say how each is built and judged, and building them."""
