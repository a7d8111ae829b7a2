"""Everything wrong that a user may bring ends in one sentence: what, where, what to do."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.extract import extract_frames
from roomsplat.capture.probe import sniff
from roomsplat.errors import (
    InputNotFoundError,
    InputTooLargeError,
    InvalidFileError,
    InvalidSettingError,
    OutputError,
    RoomsplatError,
    TooFewFramesError,
    UnreadableVideoError,
)
from tests.capture import films


def film(path: Path, count: int = 30) -> Path:
    """A good small film."""
    return films.write_film(path, films.moving_pictures(count, 160, 120))


def nothing(path: Path) -> Path:
    """No file."""
    return path


def empty(path: Path) -> Path:
    """A file of zero bytes."""
    path.write_bytes(b"")
    return path


def heic(path: Path) -> Path:
    """The head of a picture of a phone."""
    path.write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(100))
    return path


def garbage(path: Path) -> Path:
    """The right first bytes, then noise."""
    path.write_bytes(b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 40)
    return path


def no_index(path: Path) -> Path:
    """A recording that was cut off before its index was written."""
    return films.truncated(path, film(path.with_name("whole.mp4"), 90), 0.6)


def headless(path: Path) -> Path:
    """A matroska file of which only the head was copied."""
    return films.truncated(path, film(path.with_name("whole.mkv"), 90), 0.02)


def one_frame(path: Path) -> Path:
    """A film of one frame."""
    return film(path, 1)


def frozen(path: Path) -> Path:
    """Three seconds of one picture."""
    return films.still_film(path, films.textured(160, 120), 90)


def folder_without_pictures(path: Path) -> Path:
    """A folder that holds a text only."""
    path.mkdir()
    (path / "notes.txt").write_text("no pictures here")
    return path


def two_pictures(path: Path) -> Path:
    """A folder with too few pictures."""
    return films.picture_folder(path, films.moving_pictures(2, 80, 60))


def mixed_sizes(path: Path) -> Path:
    """A folder in which one picture differs in size."""
    films.picture_folder(path, films.moving_pictures(6, 80, 60))
    Image.new("RGB", (60, 80)).save(path / "img4.jpg")
    return path


def broken_picture(path: Path) -> Path:
    """A folder in which one picture was cut off in the middle."""
    films.picture_folder(path, films.moving_pictures(6, 80, 60))
    films.truncated(path / "img5.jpg", path / "img5.jpg", 0.5)
    return path


@dataclass(frozen=True)
class Case:
    """A wrong input, and how it must end."""

    make: Callable[[Path], Path]
    name: str
    error: type[RoomsplatError]
    says: str


CASES = [
    Case(nothing, "none.mp4", InputNotFoundError, "does not exist"),
    Case(empty, "empty.mp4", UnreadableVideoError, "empty"),
    Case(films.text_as_film, "text.mp4", UnreadableVideoError, "no film"),
    Case(films.text_as_film, "list.m3u8", UnreadableVideoError, "no film"),
    Case(heic, "photo.heic", UnreadableVideoError, "single picture"),
    Case(garbage, "noise.mp4", UnreadableVideoError, "damaged"),
    Case(no_index, "cut.mp4", UnreadableVideoError, "incomplete"),
    Case(headless, "cut.mkv", UnreadableVideoError, "cut off"),
    Case(films.audio_film, "song.m4a", UnreadableVideoError, "no pictures"),
    Case(films.song_with_cover, "album.mp4", UnreadableVideoError, "no pictures"),
    Case(films.audio_film, "song.mp4", UnreadableVideoError, "no pictures"),
    Case(one_frame, "one.mp4", TooFewFramesError, "a single frame"),
    Case(films.black_film, "black.mp4", TooFewFramesError, "is black: 90 of 90"),
    Case(frozen, "frozen.mp4", TooFewFramesError, "stands still"),
    Case(films.tripod_film, "tripod.mp4", TooFewFramesError, "stands still"),
    Case(folder_without_pictures, "texts", TooFewFramesError, "no pictures"),
    Case(folder_without_pictures, "room.mp4", TooFewFramesError, "no pictures"),
    Case(two_pictures, "two", TooFewFramesError, "only 2 pictures"),
    Case(mixed_sizes, "mixed", InvalidFileError, "img4.jpg is 60×80"),
    Case(broken_picture, "broken", InvalidFileError, "img5.jpg"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_wrong_input_ends_in_one_sentence(case: Case, tmp_path: Path) -> None:
    """The error has the right kind, names the file, says what is wrong and what to do."""
    out = tmp_path / "out"
    out.mkdir()
    source = case.make(tmp_path / case.name)
    with pytest.raises(case.error, match=case.says) as caught:
        extract_frames(source, out, CaptureConfig())
    assert case.name in caught.value.message
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")
    assert "\n" not in caught.value.message
    assert not (out / "frames.json").exists()


def test_too_low_a_rate_is_not_called_black(tmp_path: Path) -> None:
    """A good film of which too few frames were asked for: the sentence says so, the hint asks for more."""
    with pytest.raises(TooFewFramesError, match=r"gave only 2 of 60 frames; at least 5") as caught:
        extract_frames(film(tmp_path / "good.mp4", 60), tmp_path, CaptureConfig(fps=1))
    assert "--fps" in caught.value.hint


def test_a_rate_for_a_folder_is_refused(tmp_path: Path) -> None:
    """Pictures have no times: a rate means nothing, and is not quietly left out."""
    source = films.picture_folder(tmp_path / "room", films.moving_pictures(8, 80, 60))
    with pytest.raises(InvalidSettingError, match=r"room is a folder of pictures.* is 0\.5\.") as caught:
        extract_frames(source, tmp_path, CaptureConfig(fps=0.5))
    assert "--frames" in caught.value.hint


def test_pictures_of_a_kind_that_is_not_read_are_named(tmp_path: Path) -> None:
    """A folder straight from a phone holds HEIC: the hint says what to do about it."""
    for number in range(8):
        (tmp_path / f"IMG_{number}.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic")
    with pytest.raises(TooFewFramesError) as caught:
        extract_frames(tmp_path, tmp_path, CaptureConfig())
    assert "export them as JPEG" in caught.value.hint


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"max_bytes": 1000}, "MiB"),
        ({"max_pixels": 1000}, "160×120 px"),
        ({"max_duration_s": 0.5}, "lasts 1.0 s"),
        ({"max_input_frames": 20}, "more than 20 frames"),
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_every_limit_has_its_sentence(
    tmp_path: Path, limit: dict[str, float], says: str, suffix: str
) -> None:
    """A film beyond a limit is refused, with the setting's name."""
    source = film(tmp_path / f"large.{suffix}")
    with pytest.raises(InputTooLargeError, match=says) as caught:
        extract_frames(source, tmp_path, CaptureConfig(**limit))
    assert f"capture.{next(iter(limit))}" in caught.value.hint


def test_limits_hold_for_folders(tmp_path: Path) -> None:
    """Too many pictures, or too large ones, are refused before any is decoded."""
    source = films.picture_folder(tmp_path / "many", films.moving_pictures(8, 80, 60))
    for limit in ({"max_pixels": 1000}, {"max_input_frames": 6}):
        with pytest.raises(InputTooLargeError):
            extract_frames(source, tmp_path, CaptureConfig(**limit))


def test_a_special_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe would wait for ever; it is no film."""
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UnreadableVideoError, match="no ordinary file"):
        sniff(tmp_path / "pipe.mp4", CaptureConfig())


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's refusal is passed on with the file's name."""
    source = film(tmp_path / "private.mp4")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(source))

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, whom no file refuses
    with pytest.raises(UnreadableVideoError, match=r"private\.mp4 could not be opened \(Permission denied\)"):
        extract_frames(source, tmp_path, CaptureConfig())


def test_an_output_folder_that_is_gone_is_refused(tmp_path: Path) -> None:
    """Where nothing can be written, that is what is said."""
    with pytest.raises(OutputError, match="not writable"):
        extract_frames(film(tmp_path / "good.mp4"), tmp_path / "gone", CaptureConfig())


def test_a_failing_disk_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the background writer reaches the caller, and no manifest is left."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OutputError, match="No space left"):
        extract_frames(film(tmp_path / "good.mp4"), tmp_path, CaptureConfig())
    assert not (tmp_path / "frames.json").exists()


def test_ffmpeg_never_guesses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is opened is opened as what its bytes say, by an absolute path, from files only."""
    calls: list[tuple[tuple[object, ...], dict[str, object]]] = []
    real_open = av.open

    def spy(*args: object, **options: object) -> object:
        calls.append((args, options))
        return real_open(*args, **options)

    monkeypatch.setattr(av, "open", spy)
    for name, demuxer in (("a.mp4", "mov"), ("b.mov", "mov"), ("c.mkv", "matroska")):
        source = film(tmp_path / name)
        disguised = source.rename(tmp_path / "disguised.txt")
        calls.clear()
        extract_frames(disguised, _fresh(tmp_path / f"{name}.out"), CaptureConfig())
        assert calls
        for args, options in calls:
            assert str(args[0]).startswith("/")
            assert options["format"] == demuxer
            assert options["options"]["protocol_whitelist"] == "file"
            assert "h264" in options["options"]["codec_whitelist"]


def test_a_codec_that_no_camera_writes_is_refused(tmp_path: Path) -> None:
    """Decoders outside the list are not reached, whatever the container says."""
    style = films.FilmStyle(codec="qtrle", pixels="rgb24", options={})
    source = films.write_film(tmp_path / "odd.mov", films.moving_pictures(10, 64, 48), style)
    with pytest.raises(UnreadableVideoError, match="codec qtrle"):
        extract_frames(source, tmp_path, CaptureConfig())


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.webm"])
def test_no_damage_is_a_bug_of_ours(tmp_path: Path, name: str) -> None:
    """Bytes overwritten at random, mostly in the heads and tables: a capture or a sentence, nothing else."""
    style = films.FilmStyle(options={"preset": "ultrafast", "g": "4"})
    if name.endswith("webm"):
        style = films.FilmStyle(codec="libvpx-vp9", options={"deadline": "realtime", "g": "4"})
    content = films.write_film(tmp_path / name, films.moving_pictures(12, 96, 64), style).read_bytes()
    rng = np.random.default_rng(0)
    outcomes: Counter[str] = Counter()
    for number in range(30):
        damaged = bytearray(content)
        ends = np.concatenate([np.arange(min(1500, len(content))), np.arange(-min(1500, len(content)), 0)])
        for place in rng.choice(ends, 12):
            damaged[place] = int(rng.integers(256))
        (tmp_path / name).write_bytes(damaged)
        try:
            extract_frames(tmp_path / name, _fresh(tmp_path / str(number)), CaptureConfig())
            outcomes["kept"] += 1
        except RoomsplatError as error:
            outcomes[error.code] += 1
    assert outcomes["kept"] > 0
    assert outcomes["unreadable_video"] > 0


def _fresh(folder: Path) -> Path:
    folder.mkdir()
    return folder
