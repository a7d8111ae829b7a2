"""From posed images to Gaussians."""
