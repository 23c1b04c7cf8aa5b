"""One file a concept: from the model's states to a scene. Numpy only; nothing else in ``dashboard`` knows them."""
