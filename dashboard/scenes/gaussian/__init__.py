"""The Gaussian page's scenes, one file a cue."""
