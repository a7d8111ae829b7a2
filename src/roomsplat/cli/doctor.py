"""``roomsplat doctor``: what this computer offers, which engine is chosen and why, and whether the parts work."""

import json
import os
import platform
import shutil
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from roomsplat._version import __version__
from roomsplat.cli.arguments import Doctor
from roomsplat.cli.checks import check_engine, check_libraries, check_sfm, check_video
from roomsplat.errors import EngineError, RoomsplatError
from roomsplat.render.cuda.driver import Driver, read_driver
from roomsplat.render.cuda.kernel_cache import ensure_cache_folder
from roomsplat.render.engines import EngineChoice, find_cupy, find_engine

PACKAGES = ("numpy", "numba", "av", "pycolmap", "scipy")


def run_doctor(command: Doctor) -> None:
    """Print findings; a part that fails ends in a non-zero exit.

    Raises:
        EngineError: a part does not work; with ``--strict`` also one that is asked for or could be there and is not.
    """
    driver, choice = read_driver(), find_engine()
    facts = {
        "roomsplat": __version__,
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "free disk here": f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB",
        **{name: version(name) for name in PACKAGES},
        "CuPy": str(find_cupy() or "not installed").removeprefix("CuPy "),
        **_gpu_facts(driver),
        "engine chosen": f"{choice.name}, because {choice.reason}",
    }
    asked_for_cuda = command.engine == "cuda" or command.device is not None
    tries_cuda = choice.name == "cuda" and command.engine != "cpu"
    checks: dict[str, Callable[[], str]] = {
        "libraries": check_libraries,
        # At the first start drawing and training compile for 20 s: training only where the CPU is to train.
        "CPU engine": partial(check_engine, "cpu", None, trains=not tries_cuda),
        "video": check_video,
        "structure from motion": check_sfm,
    }
    if tries_cuda:
        checks = {"CUDA engine": partial(check_engine, "cuda", command.device), **checks}
        facts["compiled kernels"] = str(ensure_cache_folder())
    results = {name: _attempt(check) for name, check in checks.items()}
    if command.json:
        print(json.dumps({"facts": facts, "checks": results}, indent=2))
    else:
        _print_table(facts, results)
    failed = [name for name, result in results.items() if not result["ok"]]
    if failed:
        raise EngineError(
            f"{' and '.join(failed)} did not work on this computer.",
            hint="Reinstall roomsplat, or report the text above.",
        )
    if command.strict:
        _refuse_missing(choice, driver, asked_for_cuda=asked_for_cuda)


def _refuse_missing(choice: EngineChoice, driver: Driver, *, asked_for_cuda: bool) -> None:
    """With ``--strict``, what is not there is a failure too.

    Raises:
        EngineError: CUDA was asked for, or a GPU is there, and the CUDA engine is not.
    """
    if choice.name == "cuda":
        return
    if asked_for_cuda:
        raise EngineError(
            f"There is no CUDA engine here, because {choice.reason}.",
            hint="Install what is missing, or leave out --strict.",
        )
    if driver.gpus:
        raise EngineError(
            f"{driver.gpus[0].name} goes unused, because {choice.reason}.",
            hint="Install what is missing, or leave out --strict.",
        )


def _gpu_facts(driver: Driver) -> dict[str, str]:
    if driver.trouble is not None:
        return {"GPU": f"none: {driver.trouble}"}
    cuda = ".".join(map(str, driver.cuda or ()))
    return {"NVIDIA driver": f"runs CUDA {cuda}", **{f"GPU {gpu.index}": str(gpu) for gpu in driver.gpus}}


def _attempt(check: Callable[[], str]) -> dict[str, object]:
    try:
        return {"ok": True, "note": check()}
    except RoomsplatError as error:
        return {"ok": False, "note": f"{error.message} {error.hint}"}
    except Exception as error:  # noqa: BLE001 - a doctor reports whatever ails, of any kind
        return {"ok": False, "note": f"{type(error).__name__}: {error}"}


def _print_table(facts: dict[str, str], results: dict[str, dict[str, object]]) -> None:
    table = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        table.add_row(name, fact)
    for name, result in results.items():
        table.add_row(name, ("works: " if result["ok"] else "FAILS: ") + str(result["note"]))
    Console(markup=False).print(table, highlight=False)  # roomsplat[cuda] is no markup
