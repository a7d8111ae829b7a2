"""The CPU engine: Numba kernels, parallel and cached."""
