"""What the solver's process tells ours."""

import dataclasses
import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from roomsplat.core.progress import Progress
from roomsplat.errors import OutputError, RegistrationError, RoomsplatError
from roomsplat.sfm import child
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.shares import never_falling, part

FULL_DISK = """
import sys
from pathlib import Path
from roomsplat.sfm import worker

def full(*_):
    raise OSError({number}, "No space left on device")

worker.find_features = full
sys.exit(worker.main(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_its_code(tmp_path: Path, number: int) -> None:
    """No space left in the solver's process is an error of the output, not of the film."""
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"config": dataclasses.asdict(SfmConfig()), "paths": []}))
    command = [sys.executable, "-c", FULL_DISK.format(number=number), str(job)]
    # stdin stays open until the end: its closing means that the parent is gone, and ends the solver.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        told = json.loads(run.stdout.readline())["error"]
    assert told["code"] == OutputError.code
    assert "No space left" in told["message"]


def stand_in(folder: Path, script: str) -> str:
    """A program that does what the script says, in place of the solver's process."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return os.fspath(program)


def test_an_error_keeps_its_class_across_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that ends with an error of the output raises that very class here, message and hint unchanged."""
    error = {"error": {"code": OutputError.code, "message": "Full.", "hint": "Free some space."}}
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, f"echo '{json.dumps(error)}'"))
    with pytest.raises(OutputError, match=r"Full\.") as caught:
        child.run_solver([], tmp_path, SfmConfig(), lambda _: None)
    assert (caught.value.exit_code, caught.value.hint) == (8, "Free some space.")


@pytest.mark.parametrize(("free", "error"), [(4096, OutputError), (10**11, RegistrationError)])
def test_a_crash_on_a_full_disk_is_one_of_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, error: type[RoomsplatError]
) -> None:
    """COLMAP aborts without a word where its database finds no space: the disk tells; else it is a crash."""
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, "exit 134"))
    with pytest.raises(error):
        child.run_solver([], tmp_path, SfmConfig(), lambda _: None)


@pytest.mark.parametrize(
    ("end", "was_killed", "words"),
    [
        ("kill -9 $$", True, r"memory ran out.*Close other programs"),
        ("echo std::bad_alloc >&2; kill -6 $$", True, r"memory ran out"),
        ("kill -15 $$", True, r"stopped by another program"),
        ("kill -11 $$", False, r"ended unexpectedly.*please report it"),
        ("exit 1", None, r"ended unexpectedly.*please report it"),
    ],
)
def test_what_ended_the_solver_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, was_killed: bool | None, words: str
) -> None:
    """Killed from outside, crashed by itself, or failed (no crash): each says what to do, and a crash which it was."""
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, end))
    with pytest.raises(RegistrationError) as caught:
        child.run_solver([], tmp_path, SfmConfig(), lambda _: None)
    error = caught.value
    assert (error.was_killed if isinstance(error, child.CrashError) else None) is was_killed
    assert re.search(words, f"{error.message} {error.hint}")


def test_shares_add_up_and_never_fall() -> None:
    """Two parts fill the whole; a part that begins again waits until it has something new to say."""
    heard = list[Progress]()
    whole = never_falling(heard.append)
    for start, end, fractions in ((0, 0.3, (0.5, 1.0)), (0.3, 1, (0.4, 0.1, 0.5, 1.0))):
        for fraction in fractions:
            part(whole, start, end)(Progress(fraction=fraction, message="", metrics={"registered": 2}))
    assert [p.fraction for p in heard] == pytest.approx([0.15, 0.3, 0.58, 0.58, 0.65, 1.0])
    assert heard[3].metrics == {"registered": 2}
