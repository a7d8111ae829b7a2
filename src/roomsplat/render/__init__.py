"""Engines that rasterize Gaussians and differentiate the picture."""
