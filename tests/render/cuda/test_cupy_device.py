"""The real device, over a CuPy that is made of NumPy: what is kept, what is fetched, and how failures end."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from roomsplat.errors import DeviceLostError, EngineError
from roomsplat.render.cuda.sources import OPTIONS
from tests.render.cuda.fake_cupy import CUDARuntimeError, FakeArray, FakeCupy

MODULE = "roomsplat.render.cuda.cupy_device"


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCupy]:
    """The fake in CuPy's place; our module is imported anew over it, and forgotten afterwards."""
    fake = FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", fake)
    real = sys.modules.pop(MODULE, None)
    yield fake
    sys.modules.pop(MODULE, None)
    if real is not None:
        sys.modules[MODULE] = real


@pytest.fixture
def home(cupy: FakeCupy) -> ModuleType:
    """The module under test."""
    assert sys.modules["cupy"] is cupy
    return importlib.import_module(MODULE)


def test_a_device_knows_its_name_and_makes_itself_current(cupy: FakeCupy, home: ModuleType) -> None:
    """Each device makes its own index current, whenever it is used; memory is what is taken, and all."""
    first, second = home.CupyDevice(0), home.CupyDevice(1)
    assert (first.name, second.name) == ("Fake 0", "Fake 1")
    cupy.used.clear()
    first.use()
    second.use()
    assert cupy.used == [0, 1]
    assert first.memory() == (7, 10)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_device_that_is_not_there_is_refused(index: int, home: ModuleType) -> None:
    """A number beyond the GPUs that CUDA shows ends in one sentence."""
    with pytest.raises(EngineError, match=f"no GPU number {index}: CUDA shows 2"):
        home.CupyDevice(index)


def test_a_source_is_compiled_once_for_each_set_of_defines(cupy: FakeCupy, home: ModuleType) -> None:
    """Functions of one file share a module, other defines make another, and the same call gives the same object."""
    device = home.CupyDevice()
    kernel = device.kernel("sort.cu", "one", DIGITS=8, KEYS=2)
    assert device.kernel("sort.cu", "one", DIGITS=8, KEYS=2) is kernel
    assert device.kernel("sort.cu", "one", KEYS=2, DIGITS=8) == kernel
    assert device.kernel("sort.cu", "two", DIGITS=8, KEYS=2) == ("loaded", "two", 1)
    assert len(cupy.compiled) == 1
    device.kernel("sort.cu", "one", DIGITS=4, KEYS=2)
    assert len(cupy.compiled) == 2
    code, options = cupy.compiled[0]
    assert "#define DIGITS 8" in code
    assert options == OPTIONS


def test_a_kernel_that_does_not_compile_is_told(cupy: FakeCupy, home: ModuleType) -> None:
    """The compiler's first error is in the sentence, and the next call tries again."""

    class CompileException(Exception):  # noqa: N818 - CuPy's name for it
        pass

    device = home.CupyDevice()
    cupy.failure = CompileException("sort.cu(3): error: no")
    with pytest.raises(EngineError, match=r"sort\.cu\(3\): error: no"):
        device.kernel("sort.cu", "one")
    cupy.failure = None
    assert device.kernel("sort.cu", "one") is not None


@pytest.mark.parametrize(
    "values", [np.arange(6, dtype=np.float32).reshape(2, 3), np.uint32([7]), np.zeros(0)]
)
def test_what_is_fetched_is_what_was_there(values: Any, cupy: FakeCupy, home: ModuleType) -> None:
    """The value has shape, type and content of the array at the time of the call; nothing was copied before."""
    pending = home.CupyDevice().fetch_later(FakeArray(cupy, values))
    assert len(cupy.queue) == 1
    got = pending.value()
    assert (got.shape, got.dtype) == (values.shape, values.dtype)
    np.testing.assert_array_equal(got, values)
    assert pending.value() is got


def test_a_value_outlives_the_block_that_it_came_in(cupy: FakeCupy, home: ModuleType) -> None:
    """What was read stays, although the next copy lands in the same memory."""
    device = home.CupyDevice()
    first = device.fetch_later(FakeArray(cupy, np.float32([1, 2]))).value()
    second = device.fetch_later(FakeArray(cupy, np.float32([3, 4]))).value()
    assert (first.tolist(), second.tolist()) == ([1, 2], [3, 4])


def test_a_thousand_steps_allocate_nothing(cupy: FakeCupy, home: ModuleType) -> None:
    """Two copies under way at a time need two blocks, however often, also when some are never read."""
    device = home.CupyDevice()
    before = None
    for step in range(1000):
        now = device.fetch_later(FakeArray(cupy, np.int32([step])))
        if before is not None and step % 3:
            assert before.value().tolist() == [step - 1]
        before = now
    assert len(cupy.pinned) == 2


def test_copies_under_way_never_share_memory(cupy: FakeCupy, home: ModuleType) -> None:
    """Ten unread copies, read in another order, each give their own; a large one gets the room that it needs."""
    device = home.CupyDevice()
    pending = [device.fetch_later(FakeArray(cupy, np.int64([n, -n]))) for n in range(10)]
    for n in (3, 9, 0, 5, 1, 2, 8, 7, 6, 4):
        assert pending[n].value().tolist() == [n, -n]
    large = np.arange(1 << 16, dtype=np.float64)
    np.testing.assert_array_equal(device.fetch_later(FakeArray(cupy, large)).value(), large)


def test_a_gpu_lost_under_a_copy_is_told(cupy: FakeCupy, home: ModuleType) -> None:
    """Waiting for a GPU that fell off the bus ends as a lost device."""
    pending = home.CupyDevice().fetch_later(FakeArray(cupy, np.int32([1])))
    cupy.failure = CUDARuntimeError("cudaErrorLaunchFailure: unspecified launch failure")
    with pytest.raises(DeviceLostError):
        pending.value()
