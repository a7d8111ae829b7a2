"""One engine and one tiny scene for all laws of training."""

import pytest

from roomsplat.core.point_cloud import SparseModel
from roomsplat.render.cpu.engine import CpuEngine
from tests.train.scenes import tiny_model


@pytest.fixture(scope="session")
def engine() -> CpuEngine:
    """One thread: pictures are tiny, and results do not depend on it."""
    return CpuEngine(threads=1)


@pytest.fixture(scope="session")
def model(engine: CpuEngine, tmp_path_factory: pytest.TempPathFactory) -> SparseModel:
    """See ``tiny_model``."""
    return tiny_model(engine, tmp_path_factory.mktemp("pictures"))
