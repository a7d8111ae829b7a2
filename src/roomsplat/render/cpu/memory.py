"""Memory for kernels: vector loads and stores, transposes, bit walks, prefetch and the shared work counter.

Every array here is C-contiguous; nothing checks bounds. The addresses that the engine hands out are 64-byte aligned
(``aligned_zeros``), but loads ask for 4 bytes only, so an unaligned array is slow, never wrong.
"""

# pyright: basic
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numpy.typing import DTypeLike, NDArray

from roomsplat.render.cpu.vectors import (
    FLOATS,
    INT32,
    INT64,
    INTS,
    LANES,
    F32x16,
    Mask16,
    as_vector,
    call_llvm,
    function_for_kernels,
)

CACHE_LINE = 64


def aligned_zeros(shape: tuple[int, ...] | int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """A zeroed array that begins at a cache line, so that no 16-lane row straddles two."""
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    raw = np.zeros(size + CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size].view(kind).reshape(shape)


def _is_lanes(array: Any) -> bool:
    return (
        isinstance(array, types.Array)
        and array.ndim == 2
        and array.layout == "C"
        and array.dtype == types.float32
    )


def _is_flat(array: Any, dtype: Any) -> bool:
    return (
        isinstance(array, types.Array) and array.ndim == 1 and array.layout in "CA" and array.dtype == dtype
    )


def _address(context: Any, builder: Any, sig: Any, args: Any, scale: int) -> Any:
    """Pointer to element ``args[1] * scale`` of array ``args[0]``."""
    data = context.make_array(sig.args[0])(context, builder, args[0]).data
    index = context.cast(builder, args[1], sig.args[1], types.int64)
    return builder.gep(data, [builder.mul(index, INT64(scale))])


def _load_vector(builder: Any, pointer: Any) -> Any:
    loaded = builder.load(builder.bitcast(pointer, FLOATS.as_pointer()))
    loaded.align = 4
    return loaded


def _store_vector(builder: Any, pointer: Any, value: Any) -> None:
    builder.store(value, builder.bitcast(pointer, FLOATS.as_pointer()), align=4)


@function_for_kernels
def load(typing_context: Any, array: Any, row: Any) -> Any:
    """array[row, 0:16] of a float32 array (rows, 16)."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _load_vector(builder, _address(context, builder, sig, args, LANES))

    return (F32x16(array, row), codegen) if _is_lanes(array) else None


@function_for_kernels
def store(typing_context: Any, array: Any, row: Any, value: Any) -> Any:
    """array[row, 0:16] = value (a vector, or a number for all lanes)."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = as_vector(context, builder, sig.args[2], args[2])
        _store_vector(builder, _address(context, builder, sig, args, LANES), vector)
        return context.get_dummy_value()

    return (types.void(array, row, value), codegen) if _is_lanes(array) else None


@function_for_kernels
def load_at(typing_context: Any, array: Any, index: Any) -> Any:
    """array[index : index + 16] of a flat float32 array."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _load_vector(builder, _address(context, builder, sig, args, 1))

    return (F32x16(array, index), codegen) if _is_flat(array, types.float32) else None


@function_for_kernels
def store_at(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """array[index : index + 16] = value of a flat float32 array."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = as_vector(context, builder, sig.args[2], args[2])
        _store_vector(builder, _address(context, builder, sig, args, 1), vector)
        return context.get_dummy_value()

    return (types.void(array, index, value), codegen) if _is_flat(array, types.float32) else None


def _first_lanes(context: Any, builder: Any, count: Any, kind: Any) -> Any:
    number = builder.trunc(context.cast(builder, count, kind, types.int64), INT32)
    single = builder.insert_element(ir.Constant(INTS, ir.Undefined), number, INT32(0))
    spread = builder.shuffle_vector(single, ir.Constant(INTS, ir.Undefined), ir.Constant(INTS, [0] * LANES))
    return builder.icmp_signed("<", ir.Constant(INTS, list(range(LANES))), spread)


@function_for_kernels
def first_lanes(typing_context: Any, count: Any) -> Any:
    """The mask of lanes 0 to ``count``."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _first_lanes(context, builder, args[0], sig.args[0])

    return Mask16(count), codegen


@function_for_kernels
def store_first(typing_context: Any, array: Any, index: Any, value: Any, count: Any) -> Any:
    """array[index : index + count] = the first lanes of ``value``, count ≤ 16."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = builder.bitcast(_address(context, builder, sig, args, 1), FLOATS.as_pointer())
        mask = _first_lanes(context, builder, args[3], sig.args[3])
        call_llvm(builder, "llvm.masked.store.v16f32.p0", ir.VoidType(), args[2], pointer, INT32(4), mask)
        return context.get_dummy_value()

    fits = _is_flat(array, types.float32) and value == F32x16
    return (types.void(array, index, value, count), codegen) if fits else None


@function_for_kernels
def load_bytes(typing_context: Any, array: Any, index: Any) -> Any:
    """array[index : index + 16] of a flat uint8 array, as floats 0 to 255."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _address(context, builder, sig, args, 1)
        kind = ir.VectorType(ir.IntType(8), LANES)
        loaded = builder.load(builder.bitcast(pointer, kind.as_pointer()))
        loaded.align = 1
        return builder.uitofp(loaded, FLOATS)

    return (F32x16(array, index), codegen) if _is_flat(array, types.uint8) else None


def _quarter(builder: Any, value: Any, number: int) -> Any:
    order = ir.Constant(ir.VectorType(INT32, 4), [4 * number + i for i in range(4)])
    return builder.shuffle_vector(value, ir.Constant(FLOATS, ir.Undefined), order)


FOUR = ir.VectorType(ir.FloatType(), 4)


@function_for_kernels
def store_4x4(typing_context: Any, array: Any, index: Any, stride: Any, value: Any) -> Any:
    """Write a 4×4 block of pixels (lane = 4 · row + column) to a flat picture, its first pixel at ``index``."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _address(context, builder, sig, args, 1)
        step = context.cast(builder, args[2], sig.args[2], types.int64)
        for row in range(4):
            here = builder.gep(pointer, [builder.mul(step, INT64(row))])
            part = _quarter(builder, args[3], row)
            builder.store(part, builder.bitcast(here, FOUR.as_pointer()), align=4)
        return context.get_dummy_value()

    flat = _is_flat(array, types.float32) and value == F32x16
    return (types.void(array, index, stride, value), codegen) if flat else None


@function_for_kernels
def load_4x4(typing_context: Any, array: Any, index: Any, stride: Any) -> Any:
    """Read a 4×4 block of pixels of a flat picture, its first pixel at ``index``."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _address(context, builder, sig, args, 1)
        step = context.cast(builder, args[2], sig.args[2], types.int64)
        rows = []
        for row in range(4):
            here = builder.gep(pointer, [builder.mul(step, INT64(row))])
            part = builder.load(builder.bitcast(here, FOUR.as_pointer()))
            part.align = 4
            rows.append(part)
        eight = ir.Constant(ir.VectorType(INT32, 8), list(range(8)))
        upper, lower = (builder.shuffle_vector(rows[i], rows[i + 1], eight) for i in (0, 2))
        return builder.shuffle_vector(
            upper, lower, ir.Constant(ir.VectorType(INT32, LANES), list(range(LANES)))
        )

    return (F32x16(array, index, stride), codegen) if _is_flat(array, types.float32) else None


def _butterfly(builder: Any, rows: list[Any], distance: int) -> list[Any]:
    """Swap the off-diagonal blocks of size ``distance`` of a 16×16 matrix: one of the four steps of its transpose."""
    upper = [i if not i & distance else LANES + i - distance for i in range(LANES)]
    lower = [i + distance if not i & distance else LANES + i for i in range(LANES)]
    result = list(rows)
    for i in range(LANES):
        if not i & distance:
            a, b = rows[i], rows[i + distance]
            result[i] = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT32, LANES), upper))
            result[i + distance] = builder.shuffle_vector(
                a, b, ir.Constant(ir.VectorType(INT32, LANES), lower)
            )
    return result


@function_for_kernels
def transpose(typing_context: Any, array: Any) -> Any:
    """Transpose a (16, 16) array where it stands: 64 shuffles instead of 256 scalar moves."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        pointers = [builder.gep(data, [INT64(LANES * i)]) for i in range(LANES)]
        rows = [_load_vector(builder, p) for p in pointers]
        for distance in (8, 4, 2, 1):
            rows = _butterfly(builder, rows, distance)
        for pointer, row in zip(pointers, rows, strict=True):
            _store_vector(builder, pointer, row)
        return context.get_dummy_value()

    return (types.void(array), codegen) if _is_lanes(array) else None


def _reduce(builder: Any, rows: list[Any]) -> Any:
    """Lane i of the result is the sum of ``rows[i]``: a tree that halves the number of vectors at each step."""
    count, distance = len(rows), 8
    while count > 1:
        upper = [i if not i & distance else LANES + i - distance for i in range(LANES)]
        lower = [i + distance if not i & distance else LANES + i for i in range(LANES)]
        count //= 2
        merged = []
        for i in range(count):
            a, b = rows[i], rows[i + count]
            first = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT32, LANES), upper))
            second = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT32, LANES), lower))
            merged.append(builder.fadd(first, second))
        rows, distance = merged, distance // 2
    return rows[0]


@function_for_kernels
def totals(typing_context: Any, vectors: Any) -> Any:
    """Sums of up to 16 vectors (a tuple) at once: lane i is the sum of vector i, further lanes are zero."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context
        rows = [builder.extract_value(args[0], i) for i in range(sig.args[0].count)]
        rows += [ir.Constant(FLOATS, [0.0] * LANES)] * (LANES - len(rows))
        return _reduce(builder, rows)

    fits = isinstance(vectors, types.UniTuple) and vectors.dtype == F32x16 and vectors.count <= LANES
    return (F32x16(vectors), codegen) if fits else None


@function_for_kernels
def lowest_bit(typing_context: Any, bits: Any) -> Any:
    """Index of the lowest set bit of a uint64 that is not zero."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return (types.int64(bits), codegen) if bits == types.uint64 else None


def _prefetch(context: Any, builder: Any, sig: Any, args: Any, scale: int) -> Any:
    pointer = builder.bitcast(_address(context, builder, sig, args, scale), ir.IntType(8).as_pointer())
    call_llvm(builder, "llvm.prefetch.p0", ir.VoidType(), pointer, INT32(0), INT32(3), INT32(1))
    return context.get_dummy_value()


@function_for_kernels
def prefetch(typing_context: Any, array: Any, row: Any) -> Any:
    """Ask for the cache line of array[row, 0:16]; free of consequences, also past the array's end."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _prefetch(context, builder, sig, args, LANES)

    return (types.void(array, row), codegen) if _is_lanes(array) else None


@function_for_kernels
def prefetch_at(typing_context: Any, array: Any, index: Any) -> Any:
    """The same for array[index] of a flat array."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _prefetch(context, builder, sig, args, 1)

    return (types.void(array, index), codegen) if isinstance(array, types.Array) and array.ndim == 1 else None


@function_for_kernels
def take_next(typing_context: Any, counter: Any) -> Any:
    """Add 1 to counter[0] (int64) and return what it was: how threads share out work, one piece at a time."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", data, INT64(1), "monotonic")

    return (types.int64(counter), codegen) if _is_flat(counter, types.int64) else None
