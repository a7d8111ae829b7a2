"""What goes wrong on a GPU ends in one sentence: CuPy's exceptions, by the names of their classes, become ours."""

import pytest

from roomsplat.errors import DeviceLostError, DeviceMemoryError, EngineError, RoomsplatError, TrainingError
from roomsplat.render.cuda.device import Array, Kernel, Pending
from roomsplat.render.cuda.failures import Guard, in_words, on_device


class CUDARuntimeError(RuntimeError):
    """As CuPy names it."""


class CUDADriverError(RuntimeError):
    """As CuPy names it."""


class OutOfMemoryError(MemoryError):
    """As CuPy names it."""


class CompileException(Exception):  # noqa: N818 - CuPy's name for it
    """As CuPy names it."""


class DynamicLibNotFoundError(RuntimeError):
    """As CUDA's path finder names it."""


FULL = [
    OutOfMemoryError("Out of memory allocating 1,024 bytes (allocated so far: 512 bytes)."),
    CUDARuntimeError("cudaErrorMemoryAllocation: out of memory"),
    CUDADriverError("CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
]
LOST = [
    CUDARuntimeError("cudaErrorIllegalAddress: an illegal memory access was encountered"),
    CUDARuntimeError("cudaErrorLaunchFailure: unspecified launch failure"),
    CUDARuntimeError("cudaErrorECCUncorrectable: uncorrectable ECC error encountered"),
    CUDADriverError("CUDA_ERROR_UNKNOWN: unknown error"),
    CUDADriverError("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered"),
]
UNUSABLE = [
    CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient"),
    CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected"),
    CUDARuntimeError("cudaErrorDevicesUnavailable: CUDA-capable device(s) is/are busy or unavailable"),
    CUDADriverError(
        "CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the provided PTX was compiled with an unsupported toolchain."
    ),
    DynamicLibNotFoundError('Failure finding "libnvrtc.so.12"'),
    RuntimeError("CuPy failed to load libcuda.so.1: OSError: libcuda.so.1: cannot open"),
]
OTHERS = [
    ValueError("out of memory"),
    MemoryError("the computer's own"),
    KeyboardInterrupt(),
    TrainingError("x", hint="y"),
    CUDARuntimeError("cudaErrorInvalidValue: invalid argument"),
    CUDADriverError("CUDA_ERROR_INVALID_VALUE: invalid argument"),
    CUDADriverError("CUDA_ERROR_NOT_FOUND: named symbol not found"),
]


@pytest.mark.parametrize("error", FULL, ids=str)
def test_full_memory_says_how_full_and_what_to_lower(error: Exception) -> None:
    """The sentence has the gigabytes and what was being done, the hint what to lower."""
    ours = in_words(error, doing=lambda: "training 9 Gaussians at 4x3", memory=lambda: (30 * 2**28, 2**33))
    assert isinstance(ours, DeviceMemoryError)
    assert ours.code == "gpu_out_of_memory"
    assert "7.5 of 8.0 GB" in ours.message
    assert "while training 9 Gaussians at 4x3" in ours.message
    assert all(
        word in ours.hint for word in ("max_gaussians", "max_side", "--quality preview", "--engine cpu")
    )


def test_full_memory_is_told_by_a_gpu_that_tells_nothing() -> None:
    """Asking for the amounts may fail as well; the sentence stands without them."""

    def broken() -> tuple[int, int]:
        raise FULL[1]

    ours = in_words(FULL[0], memory=broken)
    assert ours is not None
    assert ours.message == "The GPU's memory is full."


@pytest.mark.parametrize("error", LOST, ids=str)
def test_a_lost_gpu_says_how_to_go_on(error: Exception) -> None:
    """The sentence has CUDA's own reason, the hint says that the same command resumes."""
    ours = in_words(error, doing=lambda: "training 9 Gaussians at 4x3")
    assert isinstance(ours, DeviceLostError)
    assert ours.code == "gpu_lost"
    assert "while training 9 Gaussians" in ours.message
    assert str(error).split(":")[0] in ours.message
    assert "resumes" in ours.hint


@pytest.mark.parametrize("error", UNUSABLE, ids=str)
def test_a_gpu_that_never_worked_is_unavailable(error: Exception) -> None:
    """What fails before any work is a missing engine, not a lost one: nothing is to be resumed."""
    ours = in_words(error)
    assert type(ours) is EngineError
    assert "--engine cpu" in ours.hint


def test_a_kernel_that_does_not_compile_shows_the_compilers_first_error() -> None:
    """Of a compiler's log the first error is shown, not the warnings before it and not the rest."""
    log = "blend.cu(3): warning #177-D: unused\n\nblend.cu(7): error: identifier gone\nblend.cu(8): error: b"
    ours = in_words(CompileException(log))
    assert type(ours) is EngineError
    assert ours.message.endswith("blend.cu(7): error: identifier gone")


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_everything_else_is_left_alone(error: BaseException) -> None:
    """Our own errors, an interrupt, the computer's memory and a launch that we got wrong pass through unchanged."""
    assert in_words(error) is None
    with pytest.raises(type(error)) as caught, Guard():
        raise error
    assert caught.value is error


def test_the_guard_tells_and_keeps_the_cause() -> None:
    """One guard serves many times, also inside itself; ``doing`` is asked only when something went wrong."""
    asked: list[int] = []

    def doing() -> str:
        asked.append(1)
        return "drawing"

    guard = Guard(doing)
    with guard, guard:
        pass
    assert asked == []
    with pytest.raises(RoomsplatError, match="while drawing") as caught, guard, guard:
        raise LOST[0]
    assert caught.value.__cause__ is LOST[0]
    assert asked == [1]


class _Device:
    """A device that counts how often it was made current."""

    name, xp = "fake", None

    def __init__(self) -> None:
        self.uses = 0

    def use(self) -> None:
        """Count."""
        self.uses += 1

    def kernel(self, file: str, name: str, **defines: int) -> Kernel:
        """There is none."""
        raise NotImplementedError

    def give_back(self) -> None:
        """There is none."""

    def fetch_later(self, array: Array) -> Pending:
        """There is none."""
        raise NotImplementedError

    def memory(self) -> tuple[int, int]:
        """Bytes in use, and all."""
        return 2**30, 2**31


class _Worker:
    """An object whose methods work on a device."""

    def __init__(self) -> None:
        self.device = _Device()

    def doing(self) -> str:
        """At a test."""
        return "at work"

    @on_device
    def work(self, error: BaseException | None = None) -> int:
        """Give the number of uses, or fail."""
        if error is not None:
            raise error
        return self.device.uses


def test_a_method_on_the_device_makes_it_current_and_tells_its_failures() -> None:
    """Every call makes the device current first; failures say what was being done and how full the memory is."""
    worker = _Worker()
    assert [worker.work(), worker.work()] == [1, 2]
    assert _Worker.work.__doc__ == "Give the number of uses, or fail."
    with pytest.raises(DeviceMemoryError, match=r"full: 1\.0 of 2\.0 GB are in use while at work"):
        worker.work(FULL[0])
    with pytest.raises(DeviceLostError, match="while at work"):
        worker.work(error=LOST[0])
    with pytest.raises(ValueError, match="out of memory"):
        worker.work(OTHERS[0])
