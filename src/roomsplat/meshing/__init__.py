"""From a trained scene to a surface: depth fused into a volume, triangles, a texture, files and a floor plan."""
