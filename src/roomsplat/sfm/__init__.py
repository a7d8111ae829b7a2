"""From frames to posed images, by structure from motion."""
