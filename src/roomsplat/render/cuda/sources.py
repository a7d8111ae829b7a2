"""The kernels' sources: one subject a file, all of them behind the same prelude."""

import re
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


def _with_includes(text: str) -> str:
    """Lines ``#include "name"`` replaced by the file of that name, which stands beside the kernels."""

    def included(match: re.Match[str]) -> str:
        line = text.count("\n", 0, match.end()) + 2
        return f'#line 1 "{match[1]}"\n{_text(match[1])}\n#line {line}'

    return re.sub(r'^#include "(\w+\.cuh)"$', included, text, flags=re.MULTILINE)


def kernel_source(file: str, defines: Mapping[str, int]) -> str:
    """One translation unit: ``defines``, the prelude, the file with what it includes."""
    constants = "".join(f"#define {name} {value}\n" for name, value in sorted(defines.items()))
    text = _with_includes(_text(file))
    return f'{constants}#line 1 "{PRELUDE}"\n{_text(PRELUDE)}\n#line 1 "{file}"\n{text}\n'
