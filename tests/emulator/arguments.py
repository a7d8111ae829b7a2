"""A launch's arguments: checked against the kernel's own parameters, and laid out for the call."""

import ctypes
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

MAX_SHARED_BYTES = 227 * 1024
KINDS = {"f": "f", "i": "i", "u": "u", "b": "b", "V": "s"}


class Parameter(ctypes.Structure):
    """``emulator::Parameter``."""

    _fields_ = (
        ("letter", ctypes.c_char),
        ("size", ctypes.c_int),
        ("align", ctypes.c_int),
        ("pointee", ctypes.c_char),
        ("pointee_size", ctypes.c_int),
        ("pointee_align", ctypes.c_int),
        ("writable", ctypes.c_int),
    )


class Launch(ctypes.Structure):
    """``emulator::Launch``."""

    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared_bytes", ctypes.c_uint),
        ("order", ctypes.c_int),
        ("seed", ctypes.c_uint64),
        ("seconds", ctypes.c_double),
    )

    @classmethod
    def of(cls, grid: tuple[int, ...], block: tuple[int, ...], shared_bytes: int) -> Self:
        """Sizes as a GPU accepts them."""
        assert isinstance(grid, tuple), f"the grid is a tuple, not {grid!r}"
        assert isinstance(block, tuple), f"the block is a tuple, not {block!r}"
        launch = cls()
        for name, sizes, limits in (
            ("grid", grid, (2**31 - 1, 65535, 65535)),
            ("block", block, (1024, 1024, 64)),
        ):
            assert 1 <= len(sizes) <= 3, f"{name} {sizes}"
            full = [int(size) for size in sizes] + [1] * (3 - len(sizes))
            fits = all(1 <= size <= limit for size, limit in zip(full, limits, strict=True))
            assert fits, f"a GPU refuses the {name} {sizes}"
            setattr(launch, name, (ctypes.c_uint * 3)(*full))
        assert np.prod(launch.block) <= 1024, f"a GPU refuses the block {block}"
        assert 0 <= shared_bytes <= MAX_SHARED_BYTES, f"{shared_bytes} bytes of shared memory"
        launch.shared_bytes = int(shared_bytes)
        return launch


@dataclass(frozen=True, slots=True)
class Packed:
    """Pointers to the arguments, and what they point to."""

    pointers: Any
    kept: list[Any]


def pack(name: str, parameters: list[Parameter], args: tuple[Any, ...]) -> Packed:
    """Lay ``args`` out as the kernel's parameters, each of which must be of the right kind."""
    assert isinstance(args, tuple), f"{name}: the arguments are a tuple"
    assert len(args) == len(parameters), f"{name} takes {len(parameters)} arguments, got {len(args)}"
    kept: list[Any] = []
    for place, (parameter, value) in enumerate(zip(parameters, args, strict=True)):
        where = f"{name}, argument {place}"
        if parameter.letter == b"p":
            data = np.array([_address(where, parameter, value)], np.uint64)
        else:
            data = _scalar(where, parameter, value)
        kept.append(data)
    pointers = (ctypes.c_void_p * max(len(kept), 1))(*(data.ctypes.data for data in kept))
    return Packed(pointers, kept)


def _address(where: str, parameter: Parameter, value: Any) -> int:
    """Where an array begins; ``None`` is a null pointer."""
    if value is None:
        return 0
    assert isinstance(value, np.ndarray), f"{where}: an array is wanted, not {type(value).__name__}"
    assert value.flags.c_contiguous, f"{where}: the array is not contiguous"
    assert value.flags.writeable or not parameter.writable, f"{where}: the array is read-only"
    pointee = parameter.pointee.decode()
    if pointee in "fiub":
        kind = KINDS.get(value.dtype.kind, "?")
        same = kind == pointee or {kind, pointee} <= {"i", "u", "b"}
        wanted = f"{where}: the kernel takes {pointee}{parameter.pointee_size}, got {value.dtype}"
        assert same, wanted
        assert value.itemsize == parameter.pointee_size, wanted
    assert value.ctypes.data % parameter.pointee_align == 0, (
        f"{where}: not aligned to {parameter.pointee_align}"
    )
    return int(value.ctypes.data)


def _scalar(where: str, parameter: Parameter, value: Any) -> Any:
    """A number or a struct, as bytes at an aligned address."""
    assert isinstance(value, np.generic), f"{where}: a NumPy scalar is wanted, not {type(value).__name__}"
    kind, letter = KINDS.get(value.dtype.kind, "?"), parameter.letter.decode()
    assert kind == letter or {kind, letter} <= {"i", "u"}, (
        f"{where}: the kernel takes {letter}, got {value.dtype}"
    )
    assert value.dtype.itemsize == parameter.size, (
        f"{where}: the kernel takes {parameter.size} bytes, got {value.dtype} of {value.dtype.itemsize}"
    )
    room = np.zeros(parameter.size + 64, np.uint8)
    start = -room.ctypes.data % 64
    room[start : start + parameter.size] = np.frombuffer(value.tobytes(), np.uint8)
    return room[start:]
