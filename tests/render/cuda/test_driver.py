"""What the NVIDIA driver shows, asked of a driver made of Python: it answers as the real one does."""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

from roomsplat.render.cuda.driver import Gpu, read_driver

NAMES = {100: b"CUDA_ERROR_NO_DEVICE"}


def name_into(text: Any, name: str) -> int:
    """Write into a buffer."""
    text.value = name.encode()
    return 0


def put(pointer: Any, value: int | bytes) -> int:
    """Write through a ``byref``."""
    pointer._obj.value = value
    return 0


class FakeDriver:
    """The functions of libcuda that are asked; handles are no indices, so that mixing them up shows."""

    def __init__(
        self, gpus: Sequence[tuple[str, int, tuple[int, int]]] = (), *, version: int = 13010, init: int = 0
    ) -> None:
        self.answers: dict[str, Callable[..., int]] = {
            "cuInit": lambda _flags: init,
            "cuDriverGetVersion": lambda result: put(result, version),
            "cuDeviceGetCount": lambda result: put(result, len(gpus)),
            "cuDeviceGet": lambda result, index: put(result, index + 40),
            "cuDeviceGetName": lambda text, _size, handle: name_into(text, gpus[handle - 40][0]),
            "cuDeviceTotalMem_v2": lambda result, handle: put(result, gpus[handle - 40][1]),
            "cuDeviceGetAttribute": lambda result, kind, handle: put(result, gpus[handle - 40][2][kind - 75]),
            "cuGetErrorName": lambda code, result: put(result, NAMES[code]) if code in NAMES else 1,
        }

    def __getattr__(self, name: str) -> Callable[..., int]:
        """A function that knows its name, as one of ctypes does."""
        if name not in self.answers:
            raise AttributeError(name)
        function = self.answers[name]
        function.__name__ = name
        return function


def test_every_gpu_is_told_with_name_memory_and_compute() -> None:
    """Two GPUs come back in order, each in words, and an old one says that it is of no use."""
    fake = FakeDriver([("NVIDIA H200", 150 * 10**9, (9, 0)), ("Tesla V100", 16 * 2**30, (7, 0))])
    driver = read_driver(lambda _name: fake)
    assert (driver.cuda, driver.trouble) == ((13, 1), None)
    assert driver.gpus[0] == Gpu(index=0, name="NVIDIA H200", memory_bytes=150 * 10**9, compute=(9, 0))
    assert [str(gpu) for gpu in driver.gpus] == [
        "NVIDIA H200 (140 GB, compute 9.0)",
        "Tesla V100 (16 GB, compute 7.0)",
    ]
    assert [gpu.is_usable for gpu in driver.gpus] == [True, False]


def test_no_driver_is_an_answer() -> None:
    """Where the library is missing the answer says so, and names it."""

    def missing(name: str) -> ctypes.CDLL:
        raise OSError(f"{name}: cannot open shared object file")

    driver = read_driver(missing)
    assert (driver.cuda, driver.gpus) == (None, ())
    assert driver.trouble is not None
    assert "no NVIDIA driver" in driver.trouble


def test_a_driver_without_a_gpu_is_an_answer() -> None:
    """A driver that refuses to start tells its error by name, or by number where it has no name; none shown is told."""
    assert "CUDA_ERROR_NO_DEVICE" in str(read_driver(lambda _name: FakeDriver([], init=100)).trouble)
    assert "error 999" in str(read_driver(lambda _name: FakeDriver([], init=999)).trouble)
    assert "shows no GPU" in str(read_driver(lambda _name: FakeDriver([])).trouble)


def test_a_driver_that_stops_answering_is_an_answer() -> None:
    """A failing call, or a library without it, is told with its name instead of raised."""
    broken, ancient = FakeDriver([("x", 1, (9, 0))]), FakeDriver()
    broken.answers["cuDeviceTotalMem_v2"] = lambda _result, _handle: 3
    del ancient.answers["cuInit"]
    trouble = read_driver(lambda _name: broken).trouble
    assert trouble == "the NVIDIA driver does not answer (cuDeviceTotalMem_v2 gives error 3)"
    assert "cuInit" in str(read_driver(lambda _name: ancient).trouble)
