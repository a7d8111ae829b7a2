"""Which engines the contract is put to."""

import pytest

from roomsplat.errors import EngineError
from roomsplat.render.base import Engine
from tests.contracts.harness import make_engine

CUDA = pytest.param("cuda", marks=pytest.mark.gpu)
FAST = ["cpu", "emulated", CUDA]
"""``emulated`` is the CUDA engine with its own kernels, run on the processor (``tests/emulator``)."""


@pytest.fixture(params=["reference", *FAST], scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn; one whose device is not here is skipped, and says why."""
    return _engine(request.param)


@pytest.fixture(params=FAST, scope="session")
def fast_engine(request: pytest.FixtureRequest) -> Engine:
    """The engines that are compared with the reference."""
    return _engine(request.param)


def _engine(name: str) -> Engine:
    try:
        return make_engine(name)
    except EngineError as error:
        pytest.skip(f"{name}: {error.message}")
