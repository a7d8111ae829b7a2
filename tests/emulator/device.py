"""The CUDA sources on the processor: compiled by g++ and run thread by thread, for tests without a GPU.

It finds what depends on the order of threads (``seed``), barriers that not all reach, lanes that part, memory that
nobody wrote (all bits set), arguments of the wrong kind, and loops without end. It does not find races between blocks
(they run one after the other) nor reaches beyond a static ``__shared__`` array. Reaches beyond a buffer end the run
under the address sanitizer, which takes four times as long:

    export ROOMSPLAT_EMULATOR_ASAN=1 LD_PRELOAD=$(g++ -print-file-name=libasan.so)
    export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0
    .venv/bin/python -m pytest -s tests/contracts -k emulated
"""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.render.cuda.sources import kernel_source
from tests.emulator.arguments import Launch, Parameter, pack
from tests.emulator.memory import poisoned_numpy
from tests.emulator.variants import variants

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "emulator"
HEADERS = ("cuda_words.h", "emulator.h", "launcher.h")
ASAN = os.environ.get("ROOMSPLAT_EMULATOR_ASAN", "") == "1"
STACK_KIB = 256 if ASAN else 48
OPTIONS = (
    *("-O2", "-std=c++17", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-fno-exceptions", "-w"),
    *(
        "-fno-asynchronous-unwind-tables",
        "-fno-stack-protector",
        f"-DEMULATOR_STACK_KIB={STACK_KIB}",
        f"-I{HERE}",
    ),
    *(("-fsanitize=address", "--param=asan-stack=0", "-g") if ASAN else ()),
)
SECONDS = 120.0
"""A launch that takes longer spins."""
DYNAMIC = re.compile(r"extern\s+__shared__\s+(?:__align__\(\d+\)\s+)?([\w\s]+?)\s*\b(\w+)\s*\[\s*\]\s*;")
KERNEL = re.compile(r"__global__\s+(?:void\s+)?(\w+)\s*\(")
SHUFFLED = 4


class EmulatorError(AssertionError):
    """What is wrong in a kernel or in its launch, in one sentence."""


def compiler() -> str:
    """g++; without one the test is skipped."""
    found = shutil.which("g++")
    if found is None:
        pytest.skip("install g++: it compiles the CUDA sources for the processor")
    return found


def _run(arguments: list[str], what: str) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EmulatorError(f"g++ cannot compile {what}:\n{done.stderr[:6000]}")


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join((*OPTIONS, *texts)).encode()).hexdigest()[:20]


@cache
def _runtime() -> Path:
    """The emulator itself, compiled once."""
    texts = [
        (HERE / name).read_text("utf-8")
        for name in ("emulator.cpp", "emulator.h", "context.h", "stacks.h", "watch.h")
    ]
    path = BUILD / f"emulator-{_hash(*texts)}.o"
    if not path.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.o")
        _run([compiler(), *OPTIONS, "-c", str(HERE / "emulator.cpp"), "-o", str(partial)], "the emulator")
        partial.replace(path)
    return path


def translation_unit(source: str) -> str:
    """The text that g++ sees; ``__global__`` is still in it, so that the kernels can be found."""
    source = DYNAMIC.sub(r"\1* const \2 = reinterpret_cast<\1*>(emulator::dynamic_shared);", source)
    return f'#include "cuda_words.h"\n#include "launcher.h"\nnamespace {{\n{source}\n'


def build(source: str, what: str) -> Path:
    """The shared library of one source, from the cache if nothing has changed."""
    headers = [(HERE / name).read_text("utf-8") for name in HEADERS]
    path = BUILD / f"{Path(what).stem}-{_hash(source, *headers, _runtime().name)}.so"
    if path.exists():
        return path
    stem = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
    written, expanded, partial = (Path(f"{stem}{ending}") for ending in (".cpp", ".ii", ".so"))
    written.write_text(translation_unit(source), "utf-8")
    _run([compiler(), *OPTIONS, "-E", str(written), "-o", str(expanded)], what)
    text = expanded.read_text("utf-8")
    names = dict.fromkeys(KERNEL.findall(text))
    expanded.write_text(_with_entries(text, names), "utf-8")
    _run([compiler(), *OPTIONS, "-shared", str(expanded), str(_runtime()), "-o", str(partial)], what)
    partial.replace(path)
    written.unlink()
    expanded.unlink()
    return path


def _with_entries(text: str, names: Mapping[str, None]) -> str:
    """The preprocessed text with the table of its kernels behind it."""
    rows = "".join(
        f'{{"{name}", emulator::count_of({name}), emulator::parameters_of({name}), '
        f"[](void** a) {{ emulator::invoke({name}, a); }}}},\n"
        for name in names
    )
    return (
        f"{text.replace('__global__', '')}\n"
        f"const emulator::Entry emulator_table[] = {{\n{rows}{{nullptr, 0, nullptr, nullptr}}}};\n}}\n"
        'extern "C" __attribute__((visibility("default"))) const emulator::Entry* emulator_entries() '
        "{ return emulator_table; }\n"
    )


class _Entry(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("count", ctypes.c_int),
        ("parameters", ctypes.POINTER(Parameter)),
        ("invoke", ctypes.c_void_p),
    )


_LOCK = threading.Lock()  # a library runs one block at a time


class EmulatedKernel:
    """One ``__global__`` function."""

    def __init__(self, library: ctypes.CDLL, entry: _Entry, order: int, seed: int) -> None:
        """Args: the library, its table's row, and the order of threads."""
        self._library, self._entry, self._order, self._seed = library, entry, order, seed
        self._name = entry.name.decode()
        self._parameters = [entry.parameters[index] for index in range(entry.count)]

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        args: tuple[Any, ...],
        *,
        shared_mem: int = 0,
    ) -> None:
        """Run every block, one after the other."""
        launch = Launch.of(grid, block, shared_mem)
        launch.order, launch.seed, launch.seconds = self._order, self._seed, SECONDS
        packed = pack(self._name, self._parameters, args)
        text = ctypes.create_string_buffer(4096)
        with _LOCK:
            failed = self._library.emulator_launch(
                ctypes.byref(self._entry),
                ctypes.byref(launch),
                packed.pointers,
                text,
                ctypes.c_uint64(len(text)),
            )
        if failed:
            raise EmulatorError(text.value.decode())


@cache
def _library(source: str, what: str) -> tuple[ctypes.CDLL, dict[str, _Entry]]:
    library = ctypes.CDLL(str(build(source, what)))
    library.emulator_entries.restype = ctypes.POINTER(_Entry)
    table, entries = library.emulator_entries(), {}
    for index in range(10_000):
        if not table[index].name:
            break
        entries[table[index].name.decode()] = table[index]
    return library, entries


class _Here:
    """A copy that has already arrived."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array.copy()

    def value(self) -> NDArray[Any]:
        """The array as it was when the copy was asked for."""
        return self._array


class EmulatedDevice:
    """``Device`` on the processor.

    Args:
        seed: in which order the threads of a block run: 0 ascending, 1 descending; 2 and 3 the same, but a warp runs
            on as far as it can; anything else shuffled by it. A kernel that lacks a barrier gives other results in
            another order.
    """

    def __init__(self, seed: int = 0) -> None:
        """See the class."""
        compiler()
        self.name = "the processor, as a GPU"
        self.xp = poisoned_numpy
        self._seed = seed
        self._kernels: dict[Any, EmulatedKernel] = {}

    def use(self) -> None:
        """There is only one."""

    def give_back(self) -> None:
        """NumPy keeps none."""

    def kernel(self, file: str, name: str, **defines: int) -> EmulatedKernel:
        """The function ``name`` of ``file``, compiled with ``defines``."""
        key = file, name, tuple(sorted(defines.items()))
        if key not in self._kernels:
            listed = defines in list(variants(file))
            assert listed, f"{file} is asked for with {defines}: list that in tests/emulator/variants.py"
            self._kernels[key] = self.kernel_of(kernel_source(file, defines), name, file)
        return self._kernels[key]

    def kernel_of(self, source: str, name: str, what: str = "test.cu") -> EmulatedKernel:
        """The function ``name`` of a source text."""
        library, entries = _library(source, what)
        if name not in entries:
            raise EmulatorError(f"{what} has no kernel {name}; it has {', '.join(entries) or 'none'}.")
        return EmulatedKernel(library, entries[name], min(self._seed, SHUFFLED), self._seed)

    def fetch_later(self, array: NDArray[Any]) -> _Here:
        """Copied at once."""
        return _Here(np.asarray(array))
