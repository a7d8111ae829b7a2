"""The kernels' sources: one subject a file, all of them behind the same prelude."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
PRELUDE = "prelude.cuh"
OPTIONS = ("--std=c++17", "--fmad=true", "--prec-div=true", "--prec-sqrt=true", "--ftz=true")
"""For NVRTC. Division and square root stay exact: a kernel that wants speed asks for it by name (``fast_exp2``)."""


def kernel_files() -> tuple[str, ...]:
    """Names of all sources."""
    return tuple(sorted(path.name for path in HERE.glob("*.cu")))


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def kernel_source(file: str, defines: Mapping[str, int]) -> str:
    """One translation unit: ``defines``, the prelude, the file."""
    constants = "".join(f"#define {name} {value}\n" for name, value in sorted(defines.items()))
    return f'{constants}#line 1 "{PRELUDE}"\n{_text(PRELUDE)}\n#line 1 "{file}"\n{_text(file)}\n'
