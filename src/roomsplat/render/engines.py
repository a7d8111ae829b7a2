"""Which engine draws: chosen by name, built where it is needed."""

from typing import Literal

from roomsplat.errors import EngineError, InvalidSettingError
from roomsplat.render.base import Engine

EngineName = Literal["auto", "cpu", "cuda"]


def select_engine(name: str, threads: int | None = None) -> Engine:
    """The engine of that name; ``auto`` takes the fastest that this computer has.

    Args:
        name: ``auto``, ``cpu`` or ``cuda``.
        threads: how many threads the CPU engine uses, at least 1; ``None`` = all.

    Raises:
        EngineError: there is no such engine, or not on this computer.
        InvalidSettingError: fewer than one thread.
    """
    if threads is not None and threads < 1:
        raise InvalidSettingError(
            f"The number of threads is {threads}.",
            hint="Give --threads 1 or more, or leave it out to use all.",
        )
    if name in ("auto", "cpu"):
        from roomsplat.render.cpu.engine import CpuEngine  # noqa: PLC0415 - Numba takes 0.5 s to import

        return CpuEngine(threads)
    if name == "cuda":
        raise EngineError(
            "The CUDA engine is not part of this version.", hint="Use --engine cpu or --engine auto."
        )
    raise EngineError(f"There is no engine named {name!r}.", hint="Use --engine auto, cpu or cuda.")
