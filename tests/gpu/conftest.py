"""Where there is no GPU everything here is skipped, and says why."""

import pytest

from roomsplat.errors import EngineError
from roomsplat.render.base import Engine
from roomsplat.render.cpu.engine import CpuEngine
from tests.gpu.machine import cuda_engine


@pytest.fixture(scope="session")
def cuda() -> Engine:
    """One engine for all tests that do not need their own."""
    try:
        return cuda_engine()
    except EngineError as error:
        pytest.skip(f"cuda: {error.message}")


@pytest.fixture(scope="session")
def cpu() -> Engine:
    """What it is compared with: kept to the contract by tests/contracts."""
    return CpuEngine()
