"""The hot loops are packed: one lane at a time costs 5 to 12 times, and no other test would notice."""

import re
from typing import Any

import numba
import pytest
from numba import float32, int64, types, uint8, uint16, uint32, uint64

from roomsplat.render.cpu.blending import _blend_tile
from roomsplat.render.cpu.blending_backward import _tile_backward
from roomsplat.render.cpu.optimise import step_blocks
from roomsplat.render.cpu.projection import project_blocks
from roomsplat.render.cpu.similarity import _strip

_ROWS, _FLAT, _BLOCKS = float32[:, ::1], float32[::1], float32[:, :, ::1]
_IDS = uint32[::1]
KERNELS: dict[str, tuple[Any, tuple[Any, ...], int]] = {
    "project": (
        project_blocks,
        (_BLOCKS, _FLAT, int64, _ROWS, _FLAT, uint64[::1], _ROWS, int64, int64),
        250,
    ),
    "forward": (
        _blend_tile,
        (_ROWS, _ROWS, _IDS, uint16[::1], int64, int64, float32, float32, uint64),
        50,
    ),
    "backward": (
        _tile_backward,
        (_ROWS, _ROWS, _IDS, _IDS, uint16[::1], _ROWS, int64, int64, float32, float32, types.boolean),
        100,
    ),
    "step": (
        step_blocks,
        (
            *([_BLOCKS] * 5),
            _FLAT,
            int64,
            uint64[::1],
            _IDS,
            _IDS,
            _ROWS,
            _FLAT,
            _FLAT,
            _FLAT,
            int64[::1],
            _ROWS,
            _ROWS,
            int64,
            int64,
        ),
        500,
    ),
    "loss": (
        _strip,
        (
            _FLAT,
            int64,
            uint8[::1],
            int64,
            int64,
            uint8[::1],
            _FLAT,
            _FLAT,
            float32,
            float32,
            _FLAT,
            int64,
            int64,
            int64,
            _FLAT,
        ),
        150,
    ),
}
PACKED = re.compile(
    r"^\s+v(?:f?n?m(?:add|sub)\w*|add|sub|mul|div|sqrt|min|max|cmp\w*)ps\s.*%[yz]mm", re.MULTILINE
)
DOUBLE = re.compile(r"^\s+v(?:f?n?m(?:add|sub)\w*|add|sub|mul|div|sqrt)(?:pd|sd)\s", re.MULTILINE)


@pytest.mark.parametrize("name", KERNELS)
def test_hot_loops_are_packed(name: str) -> None:
    """The kernel's assembly has its count of packed float32 operations, and hardly a double-precision one."""
    features = numba.core.codegen.get_host_cpu_features()
    if "+avx2" not in features:
        pytest.skip("the registers that this test looks for are those of x86 with AVX2")
    kernel, arguments, least = KERNELS[name]
    kernel.compile(arguments)
    (assembly,) = kernel.inspect_asm().values()
    packed, double = len(PACKED.findall(assembly)), len(DOUBLE.findall(assembly))
    assert packed >= least, f"{packed} packed operations"
    assert double <= 8, f"{double} operations in double precision"
