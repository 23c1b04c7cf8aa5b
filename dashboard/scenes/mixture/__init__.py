"""The mixture page's scenes: K-means, EM, and what lies between them."""
