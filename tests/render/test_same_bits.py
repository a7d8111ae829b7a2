"""A process that compiles the kernels and one that loads them from the cache compute the same bits.

Training a whole step in both would be the same law, but compiling takes 40 s of two busy cores: so one kernel that had
the fault, and the option that caused it.
"""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from numba.core.registry import CPUDispatcher

from roomsplat.render import cpu
from roomsplat.render.cpu.elementary import MATH
from roomsplat.render.cpu.memory import aligned_zeros, load, store

PROGRAM = Path(__file__).with_name("cold_and_warm.py")


def _run(cache: Path) -> list[str]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, str(PROGRAM)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.split()


def test_compiled_and_loaded_kernels_agree(tmp_path: Path) -> None:
    """The first process compiles, the second loads: the same bits (with reassociation allowed, others)."""
    (compiled, first), (loaded, second) = _run(tmp_path), _run(tmp_path)
    assert (compiled, loaded) == ("compiled", "loaded")
    assert first == second


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(cpu.__path__)])
def test_no_kernel_lets_the_compiler_round_as_it_likes(name: str) -> None:
    """Fastmath lets each copy of a kernel round differently, and which copy runs depends on the cache: none has it."""
    module = importlib.import_module(f"roomsplat.render.cpu.{name}")
    kernels = [value for value in vars(module).values() if isinstance(value, CPUDispatcher)]
    assert not [kernel for kernel in kernels if kernel.targetoptions.get("fastmath")]


@njit(**MATH)
def _products(source: np.ndarray, out: np.ndarray) -> None:
    a, b, c, d = load(source, 0), load(source, 1), load(source, 2), load(source, 3)
    store(out, 0, a * b + c)
    store(out, 1, c + a * b)
    store(out, 2, a * b - c)
    store(out, 3, c - a * b)
    store(out, 4, a * b + c * d)
    store(out, 5, a * b - c * d)
    product = a * b
    store(out, 6, product + c)
    store(out, 7, product)


def test_fused_products_have_the_right_signs() -> None:
    """A product that is added or subtracted, on either side, kept or not, is what float64 says."""
    source, out = aligned_zeros((4, 16)), aligned_zeros((8, 16))
    source[:] = np.random.default_rng(3).uniform(-2, 2, source.shape)
    _products(source, out)
    a, b, c, d = source.astype(np.float64)
    expected = [a * b + c, c + a * b, a * b - c, c - a * b, a * b + c * d, a * b - c * d, a * b + c, a * b]
    np.testing.assert_allclose(out, expected, atol=8 * 2.0**-24)


def test_products_are_fused() -> None:
    """A sum with a product is `fmuladd`, never two instructions: a sixth of a step's time depends on it."""
    _products(aligned_zeros((4, 16)), aligned_zeros((8, 16)))
    (text,) = _products.inspect_llvm().values()
    assert "call <16 x float> @llvm.fmuladd.v16f32" in text
    assert "fadd" not in text
    assert "fsub" not in text
