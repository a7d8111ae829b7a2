"""What roomsplat costs and how good it is: ``python -m benchmarks cpu|line|cuda``."""
