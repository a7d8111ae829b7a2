"""The command line: instant help, one sentence per failure, stable exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from roomsplat._version import __version__
from roomsplat.cli import main as cli
from roomsplat.render import engines


def roomsplat(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["roomsplat", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    return int(exit_info.value.code or 0)


def test_version_is_the_packages(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints name and version and succeeds."""
    assert roomsplat(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.strip() == f"roomsplat {__version__}"


@pytest.mark.parametrize("command", ["reconstruct", "demo", "render", "evaluate", "convert", "doctor"])
def test_every_command_explains_itself(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--help of each command names it and succeeds."""
    assert roomsplat(monkeypatch, command, "--help") == 0
    assert f"roomsplat {command}" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    """Help stays instant because no numeric package is loaded for it."""
    code = (
        "import sys; sys.argv = ['roomsplat', '--help']\n"
        "from roomsplat.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'numba', 'scipy', 'av', 'pycolmap', 'PIL') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip().endswith("[]")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("reconstruct", "nowhere.mp4", "-o", "{tmp}/out"), 3, "nowhere.mp4"),
        (("reconstruct", "{text}", "-o", "{tmp}/out"), 4, "notes.mp4"),
        (("reconstruct", "{empty}", "-o", "{tmp}/out"), None, "empty"),
        (("reconstruct", "{text}", "-o", "{text}"), 8, "notes.mp4"),
        (("reconstruct", "{text}", "-o", "{tmp}/out", "--frames", "9", "--fps", "1"), 10, "--fps"),
        (("reconstruct", "{text}", "-o", "{tmp}/out", "--eval-every", "1"), 10, "eval_every"),
        (("reconstruct", "{text}", "-o", "{tmp}/out", "--engine", "cuda"), 11, "roomsplat[cuda]"),
        (("reconstruct", "{text}", "-o", "{tmp}/out", "--device", "1"), 11, "roomsplat[cuda]"),
        (("reconstruct", "{text}", "-o", "{tmp}/out", "--engine", "cpu", "--device", "0"), 10, "--device"),
        (("convert", "{text}", "{tmp}/a.ply"), 10, "notes.mp4"),
        (("evaluate", "{empty}"), 9, "run.json"),
        (("render", "{empty}", "-o", "{tmp}/t.mp4"), 9, "run.json"),
    ],
)
def test_what_a_user_gets_wrong_ends_in_one_sentence(
    arguments: tuple[str, ...],
    exit_code: int | None,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A wrong input names itself, gives a hint, has its own exit code and never shows a traceback."""
    monkeypatch.setattr(engines, "find_spec", lambda _name: None)  # as on a computer without CuPy
    (tmp_path / "notes.mp4").write_text("this is no film\n" * 50)
    (tmp_path / "empty").mkdir()
    places = {"tmp": tmp_path, "text": tmp_path / "notes.mp4", "empty": tmp_path / "empty"}
    code = roomsplat(monkeypatch, *(a.format(**places) for a in arguments))
    told = capsys.readouterr().err
    assert code == exit_code or (exit_code is None and code not in (0, 1))
    assert words in told
    assert "hint: " in told
    assert "Traceback" not in told


def test_json_lines_tell_the_failure_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --events jsonl a program reads code, message and hint of the error on stdout."""
    roomsplat(
        monkeypatch, "reconstruct", str(tmp_path / "no.mp4"), "-o", str(tmp_path / "o"), "--events", "jsonl"
    )
    last = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert last["event"] == "run_failed"
    assert last["code"] == "input_not_found"
    assert last["hint"]
