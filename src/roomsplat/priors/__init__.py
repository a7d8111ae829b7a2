"""Learned help, on request: features, matches and depth from networks. Everything that needs PyTorch is in here."""
