"""The CUDA engine: kernels in CUDA C++ (``*.cu``), compiled at first use by NVRTC through CuPy."""
