"""NVIDIA's run-time compiler by ctypes: it needs no GPU, and its log says how many registers a kernel takes."""

import ctypes
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from roomsplat.render.cuda.sources import OPTIONS, kernel_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What the assembler says about one kernel."""

    kernel: str
    registers: int
    spilled_bytes: int
    shared_bytes: int


class CompileError(AssertionError):
    """The compiler's log."""


@cache
def find_library() -> ctypes.CDLL:
    """NVRTC; without it the test is skipped."""
    spec = importlib.util.find_spec("nvidia")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for folder in folders for path in sorted(Path(folder).glob("*/lib/libnvrtc.so.*[0-9]"))]
    if not found:
        pytest.skip(
            "install nvidia-cuda-nvrtc (requirements/dev.lock): it compiles the kernels without a GPU"
        )
    return ctypes.CDLL(str(found[0]))


def _text(library: ctypes.CDLL, program: ctypes.c_void_p) -> str:
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(max(size.value, 1))
    library.nvrtcGetProgramLog(program, text)
    return text.value.decode()


def compile_source(source: str, what: str, arch: str) -> tuple[list[Compiled], str]:
    """Machine code for ``sm_<arch>``: what the kernels take, and the log.

    Raises:
        CompileError: the compiler refused it.
    """
    library, program = find_library(), ctypes.c_void_p()
    options = [*OPTIONS, f"--gpu-architecture=sm_{arch}", "--ptxas-options=-v"]
    given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    made = library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), what.encode(), 0, None, None)
    assert made == 0, "NVRTC did not start"
    try:
        failed = library.nvrtcCompileProgram(program, len(options), given)
        log = _text(library, program)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))
    if failed:
        raise CompileError(f"{what} for sm_{arch}:\n{log}")
    return read_log(log), log


def read_log(log: str) -> list[Compiled]:
    """The assembler's figures, kernel by kernel."""
    found = []
    for part in log.split("Compiling entry function '")[1:]:
        name = part.split("'", 1)[0]
        registers = re.search(r"Used (\d+) registers", part)
        assert registers, f"no figures for {name} in the log"
        spills = [int(count) for count in re.findall(r"(\d+) bytes spill (?:stores|loads)", part)]
        shared = re.search(r"(\d+) bytes smem", part)
        found.append(
            Compiled(
                kernel=name,
                registers=int(registers[1]),
                spilled_bytes=sum(spills),
                shared_bytes=int(shared[1]) if shared else 0,
            )
        )
    return found


def compile_variant(file: str, defines: dict[str, int], arch: str) -> tuple[list[Compiled], str]:
    """One of our own sources."""
    return compile_source(kernel_source(file, defines), file, arch)
