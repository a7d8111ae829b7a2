"""Sixteen float32 in one value: an explicit vector type for Numba kernels.

Numba leaves vectorisation to LLVM's loop vectoriser, which gives up silently and costs 5 to 12 times (an index that may
be negative, a division, a third array). Here a kernel says what it means: ``F32x16`` is LLVM's ``<16 x float>`` and
``Mask16`` its ``<16 x i1>``, so ``a * b + c`` is one instruction with AVX-512, two with AVX2, four with NEON, whatever
surrounds it. The second gain is registers: sums live in them across a loop, where arrays of lanes went through memory.
Which products are fused with a sum is said here, too (``_add``): a compiler that may choose does so anew in each copy
of a kernel (``elementary.MATH``).

Use: values come from ``load(array, row)`` of a C-contiguous float32 array (..., 16), go back with ``store``; arithmetic
and comparisons are Python's operators, also with plain numbers; ``&`` and ``|`` join masks; ``select`` chooses.
"""

# pyright: basic
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 16
FLOAT = ir.FloatType()
INT32 = ir.IntType(32)
INT64 = ir.IntType(64)
FLOATS = ir.VectorType(FLOAT, LANES)
INTS = ir.VectorType(INT32, LANES)
BITS = ir.VectorType(ir.IntType(1), LANES)


class _VectorType(types.Type):
    """Numba's type of ``F32x16``."""


class _MaskType(types.Type):
    """Numba's type of ``Mask16``."""


F32x16 = _VectorType("F32x16")
Mask16 = _MaskType("Mask16")


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):
    """Sixteen floats in registers."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, FLOATS)


@register_model(_MaskType)
class _MaskModel(models.PrimitiveModel):
    """Sixteen truth values in one mask register."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, BITS)


def function_for_kernels(describe: Callable[..., Any]) -> Any:
    """Numba's ``intrinsic``, untyped: called from a kernel, the function takes one argument less than it says."""
    return intrinsic(describe)


def splat(builder: Any, value: Any) -> Any:
    """One float in all lanes."""
    single = builder.insert_element(ir.Constant(FLOATS, ir.Undefined), value, INT32(0))
    return builder.shuffle_vector(single, ir.Constant(FLOATS, ir.Undefined), ir.Constant(INTS, [0] * LANES))


def constant(value: float) -> Any:
    """The same literal in all lanes."""
    return ir.Constant(FLOATS, [value] * LANES)


def as_vector(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """A vector as it is, a number in all lanes."""
    if kind == F32x16:
        return value
    return splat(builder, context.cast(builder, value, kind, types.float32))


def is_operand(kind: Any) -> bool:
    """A vector, or a number that can be spread over one."""
    return kind == F32x16 or isinstance(kind, (types.Number, types.Boolean))


def call_llvm(builder: Any, name: str, kind: Any, *arguments: Any) -> Any:
    """Call an LLVM intrinsic of one vector type, such as ``llvm.sqrt.v16f32``."""
    function_type = ir.FunctionType(kind, [a.type for a in arguments])
    known = builder.module.globals.get(name)
    return builder.call(known or ir.Function(builder.module, function_type, name), arguments)


def _extends(python_operator: Any, template: Any) -> None:
    """Teach Numba's type inference one more meaning of a Python operator."""
    register: Any = infer_global(python_operator)
    register(template)


def _operator(python_operators: tuple[Any, ...], result: Any, emit: Callable[[Any, Any, Any], Any]) -> None:
    """Give ``F32x16`` a binary operator, also with a number on either side."""

    class Template(AbstractTemplate):
        """Typing: at least one side is a vector."""

        def generic(self, args: Any, kws: Any) -> Any:
            if kws or len(args) != 2 or F32x16 not in args or not all(is_operand(a) for a in args):
                return None
            return signature(result, *args)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (as_vector(context, builder, k, v) for k, v in zip(sig.args, args, strict=True))
        return emit(builder, left, right)

    for python_operator in python_operators:
        _extends(python_operator, Template)
        for kinds in ((F32x16, F32x16), (F32x16, types.Number), (types.Number, F32x16)):
            lower_builtin(python_operator, *kinds)(lower)


def _mask_operator(python_operators: tuple[Any, ...], emit: Callable[[Any, Any, Any], Any]) -> None:
    """Give ``Mask16`` a binary operator."""

    class Template(AbstractTemplate):
        """Typing: both sides are masks."""

        def generic(self, args: Any, kws: Any) -> Any:
            return signature(Mask16, Mask16, Mask16) if not kws and tuple(args) == (Mask16, Mask16) else None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        return emit(builder, *args)

    for python_operator in python_operators:
        _extends(python_operator, Template)
        lower_builtin(python_operator, Mask16, Mask16)(lower)


def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c, rounded once where the processor can, the same way in every copy of a kernel."""
    return call_llvm(builder, "llvm.fmuladd.v16f32", FLOATS, a, b, c)


def _factors(value: Any) -> Any:
    """The two factors, if the value is a product that this function computed itself; else nothing."""
    return value.operands if getattr(value, "opname", "") == "fmul" else ()


def _add(builder: Any, x: Any, y: Any) -> Any:
    if not _factors(x):
        x, y = y, x
    if not _factors(x):
        return builder.fadd(y, x)
    a, b = _factors(x)
    return multiply_add(builder, a, b, y)


def _subtract(builder: Any, x: Any, y: Any) -> Any:
    if _factors(x):
        a, b = _factors(x)
        return multiply_add(builder, a, b, builder.fneg(y))
    if _factors(y):
        a, b = _factors(y)
        return multiply_add(builder, builder.fneg(a), b, x)
    return builder.fsub(x, y)


def _compare(symbol: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, a, b: builder.fcmp_ordered(symbol, a, b)


_operator((operator.add, operator.iadd), F32x16, _add)
_operator((operator.sub, operator.isub), F32x16, _subtract)
_operator((operator.mul, operator.imul), F32x16, lambda b, x, y: b.fmul(x, y))
_operator((operator.truediv, operator.itruediv), F32x16, lambda b, x, y: b.fdiv(x, y))
for _python, _symbol in ((operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"), (operator.ge, ">=")):
    _operator((_python,), Mask16, _compare(_symbol))
_mask_operator((operator.and_, operator.iand), lambda b, x, y: b.and_(x, y))
_mask_operator((operator.or_, operator.ior), lambda b, x, y: b.or_(x, y))


class _NegativeTemplate(AbstractTemplate):
    """Typing of ``-vector``."""

    def generic(self, args: Any, kws: Any) -> Any:
        return signature(F32x16, F32x16) if not kws and tuple(args) == (F32x16,) else None


_extends(operator.neg, _NegativeTemplate)


@lower_builtin(operator.neg, F32x16)
def _negative(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    del context, sig
    return builder.fneg(args[0])


def _function(arity: int, emit: Callable[..., Any]) -> Any:
    """A function of ``arity`` vectors or numbers that gives a vector."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return emit(
            builder, *(as_vector(context, builder, k, v) for k, v in zip(sig.args, args, strict=True))
        )

    def unary(typing_context: Any, a: Any) -> Any:
        del typing_context
        return (F32x16(a), codegen) if is_operand(a) else None

    def binary(typing_context: Any, a: Any, b: Any) -> Any:
        del typing_context
        return (F32x16(a, b), codegen) if is_operand(a) and is_operand(b) else None

    return function_for_kernels({1: unary, 2: binary}[arity])


def _minimum(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _maximum(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


minimum = _function(2, _minimum)
maximum = _function(2, _maximum)
sqrt = _function(1, lambda b, x: call_llvm(b, "llvm.sqrt.v16f32", FLOATS, x))
absolute = _function(1, lambda b, x: call_llvm(b, "llvm.fabs.v16f32", FLOATS, x))
floor = _function(1, lambda b, x: call_llvm(b, "llvm.floor.v16f32", FLOATS, x))
everywhere = _function(1, lambda _, x: x)
"""A number in all lanes."""


def _power_of_two(builder: Any, n: Any) -> Any:
    biased = builder.add(builder.fptosi(n, INTS), ir.Constant(INTS, [127] * LANES))
    return builder.bitcast(builder.shl(biased, ir.Constant(INTS, [23] * LANES)), FLOATS)


power_of_two = _function(1, _power_of_two)
"""2^n of whole numbers between -126 and 127."""


@function_for_kernels
def split_exponent(typing_context: Any, x: Any) -> Any:
    """x > 0 as (e, m) with x = 2^e · m and m between sqrt(1/2) and sqrt(2)."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], INTS)
        shift = ir.Constant(INTS, [23] * LANES)
        exponent = builder.ashr(builder.sub(bits, ir.Constant(INTS, [0x3F3504F3] * LANES)), shift)
        mantissa = builder.bitcast(builder.sub(bits, builder.shl(exponent, shift)), FLOATS)
        return context.make_tuple(builder, sig.return_type, (builder.sitofp(exponent, FLOATS), mantissa))

    return types.UniTuple(F32x16, 2)(x), codegen


@function_for_kernels
def select(typing_context: Any, mask: Any, a: Any, b: Any) -> Any:
    """a where the mask is set, b elsewhere (vectors or numbers)."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        chosen = [as_vector(context, builder, k, v) for k, v in zip(sig.args[1:], args[1:], strict=True)]
        return builder.select(args[0], *chosen)

    return (F32x16(mask, a, b), codegen) if mask == Mask16 and is_operand(a) and is_operand(b) else None


@function_for_kernels
def bits_of(typing_context: Any, mask: Any) -> Any:
    """The mask as a uint64: bit i is lane i."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        return builder.zext(builder.bitcast(args[0], ir.IntType(LANES)), INT64)

    return types.uint64(mask), codegen


@function_for_kernels
def mask_of(typing_context: Any, bits: Any) -> Any:
    """The lowest 16 bits of an integer as a mask."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        narrow = builder.trunc(args[0], ir.IntType(LANES)) if args[0].type.width > LANES else args[0]
        return builder.bitcast(narrow, BITS)

    return (Mask16(bits), codegen) if isinstance(bits, types.Integer) else None


@function_for_kernels
def total(typing_context: Any, x: Any) -> Any:
    """Sum of the lanes, in a tree (the order is fixed, so the result is too)."""
    del typing_context

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        value = args[0]
        for distance in (8, 4, 2, 1):
            order = ir.Constant(INTS, [(i + distance) % LANES for i in range(LANES)])
            value = builder.fadd(
                value, builder.shuffle_vector(value, ir.Constant(FLOATS, ir.Undefined), order)
            )
        return builder.extract_element(value, INT32(0))

    return types.float32(x), codegen
