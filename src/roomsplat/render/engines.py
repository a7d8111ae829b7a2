"""Which engine draws: chosen by name, built where it is needed."""

from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Literal

from roomsplat.errors import DeviceLostError, DeviceMemoryError, EngineError, InvalidSettingError
from roomsplat.render.base import Engine
from roomsplat.render.cuda.driver import MIN_COMPUTE, Driver, Gpu, read_driver
from roomsplat.render.cuda.kernel_cache import ensure_cache_folder

EngineName = Literal["auto", "cpu", "cuda"]

INSTALL = "pip install 'roomsplat[cuda]'"

CUPY_PACKAGES = {"cupy-cuda12x": (12, 0), "cupy-cuda13x": (13, 0), "cupy": (0, 0)}
"""CuPy's names on the package index, and the CUDA that a driver must run for each (any, if it was built here)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cupy:
    """The CuPy that is installed."""

    package: str
    version: str

    @property
    def cuda(self) -> tuple[int, int]:
        """The CUDA that it was made for."""
        return CUPY_PACKAGES[self.package]

    def __str__(self) -> str:
        """Such as ``CuPy 14.2.0 for CUDA 12``."""
        return f"CuPy {self.version}" + (f" for CUDA {self.cuda[0]}" if self.cuda[0] else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """What ``auto`` takes on this computer, and why."""

    name: Literal["cpu", "cuda"]
    reason: str
    """A sentence's end: what was found, or why there is no CUDA engine, after "because"."""
    gpus: tuple[Gpu, ...] = ()
    """Every GPU that the driver shows, usable or not; empty where CuPy is not installed: nobody asked then."""

    @property
    def device(self) -> int | None:
        """The first GPU that the engine can use."""
        return next((gpu.index for gpu in self.gpus if gpu.is_usable), None)


def select_engine(name: str, threads: int | None = None, device: int | None = None) -> Engine:
    """The engine of that name; ``auto`` takes CUDA where a GPU answers, else the CPU.

    Args:
        name: ``auto``, ``cpu`` or ``cuda``.
        threads: how many threads the CPU engine uses, at least 1; ``None`` = all.
        device: which GPU, as CUDA counts them; ``None`` = the first. Naming one rules the CPU out.

    Raises:
        EngineError: there is no such engine or GPU, or not on this computer.
        InvalidSettingError: fewer than one thread, a negative GPU, or a GPU for the CPU engine.
    """
    if threads is not None and threads < 1:
        raise InvalidSettingError(
            f"The number of threads is {threads}.",
            hint="Give --threads 1 or more, or leave it out to use all.",
        )
    if device is not None and (device < 0 or name == "cpu"):
        raise InvalidSettingError(
            f"--device {device} does not go with --engine {name}: it is the number of a GPU, from 0.",
            hint="Leave --device out, or see what roomsplat doctor lists.",
        )
    if name == "cpu":
        return _cpu_engine(threads)
    if name not in ("auto", "cuda"):
        raise EngineError(f"There is no engine named {name!r}.", hint="Use --engine auto, cpu or cuda.")
    choice = find_engine()
    if name == "cuda" or device is not None:
        return _cuda_engine(choice, device)
    if choice.name == "cuda":
        try:
            return _cuda_engine(choice, None)
        except (DeviceLostError, DeviceMemoryError):
            raise  # a GPU in use or in trouble: hours on the CPU instead would be a bad surprise
        except EngineError:
            pass  # libraries that do not load, say: `roomsplat doctor` and `--engine cuda` tell why
    return _cpu_engine(threads)


def find_engine() -> EngineChoice:
    """What ``auto`` takes, without building it. Takes a millisecond where CuPy is not installed."""
    cupy = find_cupy()
    if cupy is None:
        return EngineChoice(name="cpu", reason=f"CuPy is not installed: {INSTALL}")
    return judge(cupy, read_driver())


def find_cupy() -> Cupy | None:
    """The CuPy that is installed; it is not imported."""
    if find_spec("cupy") is None:
        return None
    for package in CUPY_PACKAGES:
        try:
            return Cupy(package=package, version=metadata.version(package))
        except metadata.PackageNotFoundError:
            continue
    return Cupy(package="cupy", version="of unknown version")


def judge(cupy: Cupy, driver: Driver) -> EngineChoice:
    """Whether this CuPy can work with what the driver shows."""
    usable = [gpu for gpu in driver.gpus if gpu.is_usable]
    if driver.trouble is not None:
        reason = driver.trouble
    elif driver.cuda is not None and driver.cuda < cupy.cuda:
        known, needed = (".".join(map(str, pair)) for pair in (driver.cuda, cupy.cuda))
        reason = f"the NVIDIA driver is too old: it runs CUDA {known}, {cupy} needs {needed}"
    elif not usable:
        lowest = ".".join(map(str, MIN_COMPUTE))
        reason = f"no GPU has compute {lowest} or more: {', '.join(map(str, driver.gpus))}"
    else:
        return EngineChoice(name="cuda", reason=f"{', '.join(map(str, usable))}; {cupy}", gpus=driver.gpus)
    return EngineChoice(name="cpu", reason=reason, gpus=driver.gpus)


def _cpu_engine(threads: int | None) -> Engine:
    from roomsplat.render.cpu.engine import CpuEngine  # noqa: PLC0415 - Numba takes 0.5 s to import

    return CpuEngine(threads)


def _cuda_engine(choice: EngineChoice, device: int | None) -> Engine:
    """The CUDA engine on one GPU.

    Raises:
        EngineError: there is none; the reason is in the sentence.
    """
    index = choice.device if device is None else device
    if choice.name != "cuda" or index is None:
        raise EngineError(
            f"There is no CUDA engine here, because {choice.reason}.",
            hint="Use --engine cpu or --engine auto; roomsplat doctor tells more.",
        )
    if index >= len(choice.gpus) or not choice.gpus[index].is_usable:
        listed = "; ".join(f"{gpu.index}: {gpu}" for gpu in choice.gpus)
        raise EngineError(
            f"GPU number {index} cannot be used: there is {listed}.",
            hint="Give --device another number, or leave it out.",
        )
    ensure_cache_folder()
    try:
        from roomsplat.render.cuda.cupy_device import CupyDevice  # noqa: PLC0415 - CuPy takes 0.2 to 0.9 s
        from roomsplat.render.cuda.engine import CudaEngine  # noqa: PLC0415 - the same
    except (
        ImportError,
        OSError,
    ) as error:  # its libraries, or a cache folder that was named and cannot be made
        raise EngineError(
            f"CuPy is installed and cannot be loaded ({' '.join(str(error).split())[:200]}).",
            hint=f"Install it anew: {INSTALL}.",
        ) from error
    return CudaEngine(CupyDevice(index))
