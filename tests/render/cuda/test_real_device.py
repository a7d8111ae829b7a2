"""The real device and the real driver: what only a GPU can answer."""

from typing import Any

import numpy as np
import pytest

from roomsplat.cli.checks import check_engine
from roomsplat.errors import EngineError
from roomsplat.render.cuda.driver import read_driver
from roomsplat.render.engines import find_engine

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def device() -> Any:
    """The first GPU that the engine can use."""
    choice = find_engine()
    if choice.name != "cuda":
        pytest.skip(f"no CUDA engine, because {choice.reason}")
    from roomsplat.render.cuda.cupy_device import CupyDevice  # noqa: PLC0415 - imports CuPy

    return CupyDevice(choice.device or 0)


def test_driver_and_cupy_see_the_same_gpu(device: Any) -> None:
    """Name, compute capability and memory are the same, asked either way."""
    gpu = read_driver().gpus[device.index]
    assert gpu.name == device.name
    assert gpu.compute == tuple(int(digit) for digit in device.xp.cuda.Device(0).compute_capability)
    used, total = device.memory()
    assert 0 < used <= total
    assert abs(total - gpu.memory_bytes) < 2**30  # the runtime keeps a little for itself


@pytest.mark.parametrize("dtype", [np.uint32, np.float32, np.float64])
def test_what_is_fetched_is_what_was_there(device: Any, dtype: type[np.generic]) -> None:
    """A hundred copies, read late and in pairs, each give the array as it was at the call, also of a slice."""
    xp = device.xp
    device.use()
    array, pending = xp.zeros((4, 3), dtype), []
    for step in range(100):
        array += 1
        pending.append((step, device.fetch_later(array[1:3, ::2])))
        if step % 2:
            for expected, copy in pending:
                np.testing.assert_array_equal(copy.value(), np.full((2, 2), expected + 1, dtype))
            pending.clear()


def test_a_kernel_is_loaded_once(device: Any) -> None:
    """The same call gives the same function; a define more gives another."""
    from tests.emulator.variants import CHOICES  # noqa: PLC0415 - beside its only use

    defines = {name: values[0] for name, values in CHOICES["sort.cu"].items()}
    kernel = device.kernel("sort.cu", "count_digits", **defines)
    assert device.kernel("sort.cu", "count_digits", **defines) is kernel
    assert device.kernel("sort.cu", "count_digits", **defines, UNUSED=1) is not kernel


def test_a_source_that_does_not_compile_ends_in_one_sentence(device: Any) -> None:
    """The compiler's first error is told, and the device goes on working."""
    with pytest.raises(EngineError, match="does not compile"):
        device.kernel("sort.cu", "count_digits", ITEMS=-1)
    assert device.fetch_later(device.xp.ones(3)).value().tolist() == [1, 1, 1]


def test_the_doctors_check_passes(device: Any) -> None:
    """The chosen engine draws and trains right, as ``roomsplat doctor`` tries it."""
    assert "drew and trained right on cuda" in check_engine("cuda", device.index)
