"""The pixels page's scenes: a CNN's evidence, and generative models of pixels."""
