"""Which engines the contract is put to."""

from collections.abc import Iterator

import pytest

from roomsplat.errors import EngineError
from roomsplat.render.base import Engine
from tests.contracts.harness import make_engine


@pytest.fixture(params=["reference", "cpu", "cuda"], scope="session")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each engine in turn; one whose device is not here is skipped, and says why."""
    try:
        yield make_engine(request.param)
    except EngineError as error:
        pytest.skip(f"{request.param}: {error.message}")


@pytest.fixture(params=["cpu", "cuda"], scope="session")
def fast_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The engines that are compared with the reference."""
    try:
        yield make_engine(request.param)
    except EngineError as error:
        pytest.skip(f"{request.param}: {error.message}")
