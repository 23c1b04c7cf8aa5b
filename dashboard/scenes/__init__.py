"""One file a concept: from the model's states to a scene. Numpy only; the rest of ``dashboard`` knows none of them."""
