"""Rooms rendered by our own ray tracer, with exact cameras and depth."""
