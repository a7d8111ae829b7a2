"""Every kernel in every variant becomes machine code for every GPU that we name, without a warning or a spill.

NVRTC (the wheel ``nvidia-cuda-nvrtc``) needs no GPU for that. ``pytest -s`` prints the registers of every kernel.
"""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from roomsplat.render.cuda.sources import kernel_files
from tests.emulator.nvrtc import Compiled, CompileError, compile_source, compile_variant, find_library
from tests.emulator.variants import CHOICES, Defines, variants

ARCHITECTURES = ("75", "80", "86", "89", "90", "100", "120")

MAY_SPILL: dict[tuple[str, str], tuple[int, str]] = {
    ("blend_backward", arch): (
        64,
        "NVRTC's own trade for one more block at once",
    )
    for arch in ARCHITECTURES
} | {
    ("update", arch): (
        32,
        "only while cameras move, with all harmonics: two to four registers once for each Gaussian",
    )
    for arch in ("80", "86", "89", "90")
}
"""Bytes that a kernel may spill (stores and loads) on an architecture, and why that is the better choice."""


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """NVRTC compiles one program at a time in a process: all variants in one process take twice as long."""
    find_library()
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as executor:
        yield executor


def summary(file: str, arch: str, defines: Defines, found: list[Compiled]) -> str:
    """A row of the table for each kernel."""
    which = " ".join(f"{name}={value}" for name, value in defines.items())
    return "\n".join(
        f"{arch:>4} {file:18} {one.kernel:16} {one.registers:4} registers {one.shared_bytes:6} B shared "
        f"{one.spilled_bytes:4} B spilled  {which}"
        for one in found
    )


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("file", kernel_files())
def test_every_variant_compiles(pool: ProcessPoolExecutor, file: str, arch: str) -> None:
    """To machine code, without a warning; nothing spills but what is listed with a reason."""
    asked = list(variants(file))
    answers = list(pool.map(compile_variant, [file] * len(asked), asked, [arch] * len(asked)))
    troubles: list[str] = []
    for defines, (found, log) in zip(asked, answers, strict=True):
        print(summary(file, arch, defines, found))  # noqa: T201 - the table that -s shows
        assert found, f"{file} {defines} has no kernel"
        troubles += [f"{line} {defines}" for line in log.splitlines() if "warning" in line]
        for one in found:
            allowed, _ = MAY_SPILL.get((one.kernel, arch), (0, ""))
            if one.spilled_bytes > allowed:
                troubles.append(f"{one.kernel} spills {one.spilled_bytes} bytes: {defines}")
    assert not troubles, "\n".join(troubles)


def test_every_source_is_listed() -> None:
    """A source without a row in the table of variants would not be compiled."""
    assert set(kernel_files()) == set(CHOICES)


def test_spills_and_errors_are_seen() -> None:
    """The figures are read from the log: a kernel that must spill does, and one with an error is refused."""
    lines = "".join(f"float v{i} = a[{i} * n + threadIdx.x];" for i in range(64))
    uses = "".join(f"a[{i} * n + threadIdx.x] = v{63 - i} * v{i};" for i in range(64))
    begin = 'extern "C" __global__ void __launch_bounds__(1024, 2) crowded(float* a, int n) {'
    [found], _ = compile_source(
        f"{begin} __shared__ float s[8]; {lines} s[threadIdx.x & 7] = v0; __syncthreads(); {uses} a[0] = s[1]; }}",
        "crowded.cu",
        "90",
    )
    assert found.kernel == "crowded"
    assert found.registers <= 32
    assert found.spilled_bytes > 0
    assert found.shared_bytes == 32
    with pytest.raises(CompileError, match="nonsense"):
        compile_source('extern "C" __global__ void bad() { nonsense(); }', "bad.cu", "90")
