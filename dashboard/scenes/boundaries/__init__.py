"""Scenes of the page on discriminative and generative boundaries."""
