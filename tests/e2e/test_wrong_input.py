"""Everything that a person can hand in by mistake, through the whole command: one sentence, a hint, an exit code."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.extract import extract_frames
from roomsplat.cli import main as cli
from roomsplat.media.images import read_image
from tests.capture import films
from tests.e2e.conftest import RoomFilm


def _only_text(path: Path) -> Path:
    path.mkdir()
    (path / "readme.txt").write_text("no pictures here")
    return path


def _pan(path: Path, seconds: float) -> Path:
    count = round(seconds * 30)
    return films.write_film(path, films.moving_pictures(count, 320, 240, step=2))


CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no file": (lambda p: p / "nowhere.mp4", "input_not_found"),
    "no images": (lambda p: _only_text(p / "folder"), "too_few_frames"),
    "text": (lambda p: films.text_as_film(p / "list.mp4"), "unreadable_video"),
    "audio": (lambda p: films.audio_film(p / "song.mp4"), "unreadable_video"),
    "one frame": (lambda p: films.still_film(p / "one.mp4", films.textured(160, 120), 1), "too_few_frames"),
    "three frames": (
        lambda p: films.write_film(p / "3.mp4", films.moving_pictures(3, 160, 120)),
        "too_few_frames",
    ),
    "black": (lambda p: films.black_film(p / "black.mp4"), "too_few_frames"),
    "frozen": (lambda p: films.still_film(p / "frozen.mp4", films.textured(160, 120), 90), "too_few_frames"),
    "tripod": (lambda p: films.tripod_film(p / "tripod.mp4"), "too_few_frames"),
    "cut off": (lambda p: films.truncated(p / "cut.mp4", _pan(p / "whole.mp4", 1), 0.5), "unreadable_video"),
    "empty": (lambda p: films.truncated(p / "empty.mp4", _pan(p / "full.mp4", 0.2), 0.0), "unreadable_video"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_input_ends_in_one_sentence(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the input, carries its code as a JSON event, gives a hint, and shows no traceback."""
    make, code = CASES[case]
    source = make(tmp_path)
    arguments = [
        "reconstruct",
        str(source),
        "-o",
        str(tmp_path / "out"),
        "--quality",
        "preview",
        "--events",
        "jsonl",
    ]
    monkeypatch.setattr(sys, "argv", ["roomsplat", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    told = capsys.readouterr()
    assert stopped.value.code not in (0, 1, None)
    assert f'"code": "{code}"' in told.out.splitlines()[-1], told.err
    assert "hint: " in told.err
    assert "Traceback" not in told.err
    assert not (tmp_path / "out" / "scene.ply").exists()


def test_an_output_folder_that_cannot_be_written_is_refused_before_any_work(
    room_film: RoomFilm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A place where nobody can create folders ends with the place's name and exit code 8."""
    arguments = ["reconstruct", str(room_film.path), "-o", "/proc/roomsplat"]
    monkeypatch.setattr(sys, "argv", ["roomsplat", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    told = capsys.readouterr().err
    assert stopped.value.code == 8
    assert "/proc/roomsplat" in told


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_process_says_how_to_go_on_and_leaves_nobody_behind(
    sent: signal.Signals, room_film: RoomFilm, tmp_path: Path
) -> None:
    """Ctrl-C or a polite kill while cameras are sought: exit code 130, a hint, no child left, no result."""
    # What a shell runs in the background, these tests perhaps, ignores Ctrl-C, and so do its children.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    start = f"{heed}; from roomsplat.cli.main import main; main()"
    command = [sys.executable, "-c", start, "reconstruct", str(room_film.path), "-o", str(tmp_path / "out")]
    process = subprocess.Popen(
        [*command, "--quality", "preview", "--events", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"stage": "sfm"' in line:
            break
    process.send_signal(sent)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "same command again" in told
    assert "Traceback" not in told
    with pytest.raises(ProcessLookupError):  # the process group is empty
        os.killpg(process.pid, 0)
    assert (tmp_path / "out" / "work" / "capture" / "frames.json").exists()
    assert not (tmp_path / "out" / "work" / "sfm").exists()


def test_a_portrait_film_stays_upright(tmp_path: Path) -> None:
    """A rotation note in the container is obeyed: frames come out portrait."""
    style = films.FilmStyle(rotation=90.0)
    film = films.write_film(tmp_path / "p.mp4", films.moving_pictures(60, 160, 120), style)
    (tmp_path / "frames").mkdir()
    capture = extract_frames(film, tmp_path / "frames", CaptureConfig())
    shapes = {read_image(frame.path).shape for frame in capture.frames}
    assert shapes == {(160, 120, 3)}
    assert np.isfinite([frame.sharpness for frame in capture.frames]).all()
