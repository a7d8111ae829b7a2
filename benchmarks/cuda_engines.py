"""Engines for these benchmarks: CUDA, and two in its place with which the benchmark itself is tried without a GPU."""

from typing import Any

from benchmarks.cuda_device import Ledger, TimedDevice
from roomsplat.render.base import Engine
from roomsplat.render.engines import select_engine

NAMES = ("cuda", "cpu", "emulated")


def make_engine(name: str, threads: int | None = None) -> Engine:
    """An engine by name; ``emulated`` runs the CUDA sources on the processor (tests/emulator).

    Raises:
        EngineError: its device is not on this machine.
    """
    if name != "emulated":
        return select_engine(name, threads=threads)
    from roomsplat.render.cuda.engine import CudaEngine  # noqa: PLC0415 - only here

    return CudaEngine(_emulated())


def make_timed_engine(name: str) -> tuple[Engine, Ledger]:
    """The CUDA engine on a device whose ledger knows every launch.

    Raises:
        EngineError: there is no GPU.
    """
    from roomsplat.render.cuda.engine import CudaEngine  # noqa: PLC0415 - only where it is asked for

    if name == "emulated":
        device = TimedDevice(_emulated())
    else:
        from roomsplat.render.cuda.cupy_device import CupyDevice  # noqa: PLC0415 - imports CuPy

        device = TimedDevice(CupyDevice(0))
    return CudaEngine(device), device.ledger


def _emulated() -> Any:
    from tests.emulator.device import EmulatedDevice  # noqa: PLC0415 - a test's helper, for trying only

    return EmulatedDevice()
