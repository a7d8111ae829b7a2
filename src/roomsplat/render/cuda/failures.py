"""What goes wrong on a GPU, in the user's words.

Exceptions of CuPy are known by the names of their classes, so that this file needs no CuPy: the tests raise their own
of the same names, and a failure of the import itself can be told too.
"""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager

from roomsplat.errors import DeviceLostError, DeviceMemoryError, EngineError, RoomsplatError

OUT_OF_MEMORY = re.compile(
    r"(?:cuda|CUDA_|cudaError)\w*(?:MemoryAllocation|OUT_OF_MEMORY)|out of memory", re.IGNORECASE
)
UNAVAILABLE = re.compile(
    r"InsufficientDriver|NoDevice|NO_DEVICE|InvalidDevice\b|INVALID_DEVICE\b|InitializationError|NOT_INITIALIZED"
    r"|SystemDriverMismatch|SYSTEM_DRIVER_MISMATCH|DevicesUnavailable|DEVICE_UNAVAILABLE|NoKernelImage|NO_BINARY_FOR_GPU"
)
LOST_HINT = (
    "Run the same command again: it resumes from the last checkpoint. "
    "If it happens again, look for Xid in the system's log (dmesg), or use --engine cpu."
)
MEMORY_HINT = (
    "Lower train.max_gaussians or train.max_side in --config, choose --quality preview, or use --engine cpu."
)

Memory = Callable[[], tuple[int, int]]


def in_words(error: BaseException, *, doing: str = "", memory: Memory | None = None) -> RoomsplatError | None:
    """Our error for one of CuPy's, ``None`` for any other.

    Args:
        error: what was raised.
        doing: what the engine was at, such as ``training 200,000 Gaussians at 1076x1915``.
        memory: gives the bytes in use and the bytes there are; it may fail as well.
    """
    if isinstance(error, RoomsplatError):
        return None
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = " ".join(str(error).split())
    cuda = bool(kinds & {"CUDARuntimeError", "CUDADriverError"})
    if "OutOfMemoryError" in kinds or (cuda and OUT_OF_MEMORY.search(text)):
        return _memory_full(doing, memory)
    if cuda and UNAVAILABLE.search(text):
        return EngineError(
            f"The GPU cannot be used: {text}.", hint="Update the NVIDIA driver, or use --engine cpu."
        )
    if cuda:
        during = f" while {doing}" if doing else ""
        return DeviceLostError(f"The GPU stopped working{during} ({text}).", hint=LOST_HINT)
    if kinds & {"CompileException", "NVRTCError"}:
        return EngineError(
            f"A kernel of the CUDA engine does not compile for this GPU: {_first_error(str(error))}",
            hint="Reinstall roomsplat[cuda], or use --engine cpu; please report this line.",
        )
    return None


@contextmanager
def told(doing: str = "", memory: Memory | None = None) -> Generator[None]:
    """Errors of CuPy that are raised inside come out as ours; any other comes out as it is.

    Raises:
        DeviceMemoryError: the GPU's memory is full.
        DeviceLostError: the GPU stopped answering, or a kernel failed.
        EngineError: the GPU cannot be used at all, or a kernel does not compile.
    """
    try:
        yield
    except Exception as error:
        ours = in_words(error, doing=doing, memory=memory)
        if ours is None:
            raise
        raise ours from error


def _memory_full(doing: str, memory: Memory | None) -> DeviceMemoryError:
    amount = ""
    if memory is not None:
        try:
            used, total = memory()
            amount = f": {used / 1e9:.1f} of {total / 1e9:.1f} GB are in use"
        except Exception:  # noqa: BLE001 - the amount is a courtesy; a GPU in trouble may not even tell it
            amount = ""
    during = f" while {doing}" if doing else ""
    return DeviceMemoryError(f"The GPU's memory is full{amount}{during}.", hint=MEMORY_HINT)


def _first_error(log: str) -> str:
    """The first line of a compiler's log that names an error; the first line of all if none does."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "no reason given")
