"""What the CUDA engine needs of a device, and nothing about which one: the kernels' launcher and the array namespace.

``cupy_device.CupyDevice`` is the real one. The tests have another, which runs the same sources on the processor.
"""

from typing import Any, Protocol

from numpy.typing import NDArray

Array = Any  # cupy.ndarray on a GPU


class Kernel(Protocol):
    """A compiled ``__global__`` function."""

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        args: tuple[Any, ...],
        *,
        shared_mem: int = 0,
    ) -> None:
        """Launch on the engine's stream and return at once.

        ``args``: arrays of the namespace (passed as pointers), ``numpy.int32`` and ``numpy.float32`` scalars, and
        structured NumPy scalars (``numpy.void``: passed by value as a struct of the same layout).
        ``shared_mem``: bytes of dynamic shared memory.
        """
        ...


class Pending(Protocol):
    """A copy to the host that is under way."""

    def value(self) -> NDArray[Any]:
        """The array, after waiting for it if need be."""
        ...


class Device(Protocol):
    """One GPU. Everything runs in order on one stream."""

    name: str
    """As its maker calls it."""
    xp: Any
    """``cupy``; arrays made after ``use`` lie on this device."""

    def use(self) -> None:
        """Make it the current device of this thread; each method of the engine begins with this."""
        ...

    def kernel(self, file: str, name: str, **defines: int) -> Kernel:
        """The function ``name`` of ``file`` (such as ``blend.cu``), compiled at the first call with ``defines``.

        Later calls give the same object; compiled code is kept on disk.
        """
        ...

    def give_back(self) -> None:
        """Return memory that no array uses to the driver, for other programs."""
        ...

    def fetch_later(self, array: Array) -> Pending:
        """Start copying a small array to the host, without waiting for anything."""
        ...
