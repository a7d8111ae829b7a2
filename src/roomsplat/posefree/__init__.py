"""Frames that structure from motion lost, placed against the scene that the others make."""
