"""Data: distributions in the plane, handwritten digits, and the files that these come from."""
