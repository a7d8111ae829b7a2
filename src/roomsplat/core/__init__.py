"""Values and mathematics, NumPy only."""
