"""How large a scene is."""

SIDE = 128
"""Pixels of each side."""
