"""The engine under test, and how large a test may be.

``ROOMSPLAT_GPU_TESTS=emulated`` runs these tests on the emulator with a hundredth of the Gaussians, to try the tests
themselves on a computer without a GPU: ``ROOMSPLAT_GPU_TESTS=emulated pytest tests/gpu``.
"""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.base import Engine
from roomsplat.render.engines import select_engine

EMULATED = os.environ.get("ROOMSPLAT_GPU_TESTS", "") == "emulated"


def cuda_engine(device: int | None = None) -> Engine:
    """A new CUDA engine.

    Raises:
        EngineError: no GPU answers.
    """
    if not EMULATED:
        return select_engine("cuda", device=device)
    from roomsplat.render.cuda.engine import CudaEngine  # noqa: PLC0415 - only to try the tests
    from tests.emulator.device import EmulatedDevice  # noqa: PLC0415 - the same

    return CudaEngine(EmulatedDevice())


def sized(full: int, tried: int) -> int:
    """A number for the GPU, or for the emulator."""
    return tried if EMULATED else full


def host(array: Any) -> NDArray[Any]:
    """An engine's array as NumPy's, its type kept."""
    return np.asarray(array.get() if hasattr(array, "get") else array)
