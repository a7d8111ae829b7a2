"""What goes wrong on a GPU, in the user's words.

Exceptions of CuPy are known by the names of their classes, so that this file needs no CuPy: the tests raise their own
of the same names, and a failure of the import itself can be told too.
"""

import re
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from roomsplat.errors import DeviceLostError, DeviceMemoryError, EngineError, RoomsplatError
from roomsplat.render.cuda.device import Device

OUT_OF_MEMORY = re.compile(
    r"(?:cuda|CUDA_|cudaError)\w*(?:MemoryAllocation|OUT_OF_MEMORY)|out of memory", re.IGNORECASE
)
UNAVAILABLE = re.compile(
    r"InsufficientDriver|NoDevice|NO_DEVICE|InvalidDevice\b|INVALID_DEVICE\b|InitializationError|NOT_INITIALIZED"
    r"|SystemDriverMismatch|SYSTEM_DRIVER_MISMATCH|DevicesUnavailable|DEVICE_UNAVAILABLE|NoKernelImage|NO_BINARY_FOR_GPU"
    r"|UnsupportedPtx|UNSUPPORTED_PTX|InvalidKernelImage|INVALID_IMAGE"
)
OUR_BUG = re.compile(
    r"Invalid(?:Value|Configuration|DeviceFunction|ResourceHandle)|INVALID_(?:VALUE|HANDLE)|NOT_FOUND"
    r"|OutOfResources|OUT_OF_RESOURCES"
)
"""A launch that was refused: the GPU is well, and the traceback is what we need to see."""
LOST_HINT = (
    "Run the same command again: it resumes from the last checkpoint. "
    "If it happens again, look for Xid in the system's log (dmesg), or use --engine cpu."
)
MEMORY_HINT = (
    "Lower train.max_gaussians or train.max_side in --config, choose --quality preview, or use --engine cpu."
)

P = ParamSpec("P")
R = TypeVar("R")
W = TypeVar("W", bound="Worker")
Memory = Callable[[], tuple[int, int]]


def in_words(
    error: BaseException, *, doing: Callable[[], str] | None = None, memory: Memory | None = None
) -> RoomsplatError | None:
    """Our error for one of CuPy's, ``None`` for any other.

    Args:
        error: what was raised.
        doing: tells what the engine was at, such as ``training 200,000 Gaussians at 1076x1915``.
        memory: gives the bytes in use and the bytes there are; it may fail as well.
    """
    if isinstance(error, RoomsplatError):
        return None
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = " ".join(str(error).split())
    if kinds & {"OutOfMemoryError", "CUDARuntimeError", "CUDADriverError"}:
        return _cuda_error(text, doing, memory, is_full="OutOfMemoryError" in kinds)
    if "DynamicLibNotFoundError" in kinds or text.startswith("CuPy failed to load"):
        return EngineError(
            f"A library of CUDA is missing: {text[:200]}",
            hint="pip install 'roomsplat[cuda]', or use --engine cpu.",
        )
    if kinds & {"CompileException", "NVRTCError"}:
        return EngineError(
            f"A kernel of the CUDA engine does not compile for this GPU: {_first_error(str(error))}",
            hint="Reinstall roomsplat[cuda], or use --engine cpu; please report this line.",
        )
    return None


class Worker(Protocol):
    """An object whose methods work on a device."""

    @property
    def device(self) -> Device:
        """The device."""
        ...

    def doing(self) -> str:
        """What it is at, for a sentence after "while"."""
        ...


def on_device(method: Callable[Concatenate[W, P], R]) -> Callable[Concatenate[W, P], R]:
    """A method that makes its device current, and whose failures come out as ours. It costs 0.2 us a call."""

    @wraps(method)
    def run(self: W, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            self.device.use()
            return method(self, *args, **kwargs)
        except Exception as error:
            ours = in_words(error, doing=self.doing, memory=getattr(self.device, "memory", None))
            if ours is None:
                raise
            raise ours from error

    return run


class Guard:
    """Errors of CuPy that are raised inside a ``with`` come out as ours; any other comes out as it is.

    One object may be entered again and again, also inside itself, and entering costs 0.1 us: an engine keeps one.
    """

    __slots__ = ("_doing", "_memory")

    def __init__(self, doing: Callable[[], str] | None = None, memory: Memory | None = None) -> None:
        """Args: ``doing``, ``memory``: as for ``in_words``, asked only when something went wrong."""
        self._doing = doing
        self._memory = memory

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Translate.

        Raises:
            DeviceMemoryError: the GPU's memory is full.
            DeviceLostError: the GPU stopped answering, or a kernel failed.
            EngineError: the GPU cannot be used at all, or a kernel does not compile.
        """
        if error is None:
            return
        ours = in_words(error, doing=self._doing, memory=self._memory)
        if ours is not None:
            raise ours from error


def _cuda_error(
    text: str, doing: Callable[[], str] | None, memory: Memory | None, *, is_full: bool
) -> RoomsplatError | None:
    during = f" while {doing()}" if doing else ""
    if is_full or OUT_OF_MEMORY.search(text):
        return DeviceMemoryError(f"The GPU's memory is full{_amount(memory)}{during}.", hint=MEMORY_HINT)
    if UNAVAILABLE.search(text):
        return EngineError(
            f"The GPU cannot be used: {text}.",
            hint="See that no other program holds it, update the NVIDIA driver, or use --engine cpu.",
        )
    if OUR_BUG.search(text):
        return None
    return DeviceLostError(f"The GPU stopped working{during} ({text}).", hint=LOST_HINT)


def _amount(memory: Memory | None) -> str:
    if memory is None:
        return ""
    try:
        used, total = memory()
    except Exception:  # noqa: BLE001 - the amount is a courtesy; a GPU in trouble may not even tell it
        return ""
    return f": {used / 2**30:.1f} of {total / 2**30:.1f} GB are in use"


def _first_error(log: str) -> str:
    """The first line of a compiler's log that names an error; the first line of all if none does."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "no reason given")
