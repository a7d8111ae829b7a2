"""From a film or a folder to frames on disk: what is kept, how it is written, what is said about it."""

import shutil
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import uniform_filter1d

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.extract import Capture, extract_frames, load_capture
from roomsplat.capture.writer import BackgroundWriter
from roomsplat.core.progress import Progress
from roomsplat.errors import InvalidFileError
from roomsplat.media.images import read_image
from tests.capture.films import (
    RGB8,
    FilmStyle,
    hdr_film,
    moving_pictures,
    picture_folder,
    textured,
    truncated,
    two_stream_film,
    variable_rate_film,
    write_film,
)

VP9 = FilmStyle(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "0"})


def extract(source: Path, config: CaptureConfig | None = None) -> Capture:
    """Into a fresh folder beside the source."""
    out = source.with_name(source.name + ".frames")
    out.mkdir()
    capture = extract_frames(source, out, config or CaptureConfig())
    assert load_capture(out) == capture
    return capture


def mean_error(first: RGB8, second: RGB8) -> float:
    """Mean absolute difference in levels."""
    return float(np.abs(first.astype(int) - second).mean())


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("room.mp4", FilmStyle()),
        ("room.mov", FilmStyle()),
        ("room.mkv", FilmStyle()),
        ("room.webm", VP9),
        (
            "hevc.mp4",
            FilmStyle(
                codec="libx265", options={"preset": "ultrafast", "crf": "12", "x265-params": "log-level=none"}
            ),
        ),
        ("old.mp4", FilmStyle(codec="mpeg4", options={"b": "4000000"})),
        ("full.mp4", FilmStyle(pixels="yuvj420p")),
        ("ten.mp4", FilmStyle(pixels="yuv420p10le")),
        ("better.mov", FilmStyle(codec="prores_ks", pixels="yuv422p10le", options={})),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_container_and_codec_of_a_camera(tmp_path: Path, name: str, style: FilmStyle) -> None:
    """The kept pictures are the film's own, in order, with the times at which they were shown."""
    filmed = list(moving_pictures(24, 160, 120))
    capture = extract(write_film(tmp_path / name, filmed, style), CaptureConfig(frames=8))
    assert len(capture.frames) == 8
    assert (capture.media.width, capture.media.height, capture.media.num_frames) == (160, 120, 24)
    assert capture.media.fps == pytest.approx(30, rel=2e-3)
    assert capture.warnings == ()
    for frame in capture.frames:
        picture = read_image(frame.path)
        assert (
            mean_error(picture, filmed[frame.index]) < 8 < mean_error(picture, filmed[(frame.index + 5) % 24])
        )
        assert frame.timestamp_s == pytest.approx(frame.index / 30, abs=2e-3)
        assert frame.name == f"{frame.timestamp_s:.3f}s"


def test_the_sharp_frames_are_found(tmp_path: Path) -> None:
    """Of a film in which three of four frames are shaken, the steady ones are kept."""
    filmed = [
        picture if number % 4 == 2 else uniform_filter1d(picture, 9, axis=1)
        for number, picture in enumerate(moving_pictures(48, 160, 120))
    ]
    capture = extract(write_film(tmp_path / "shaken.mp4", filmed), CaptureConfig(fps=7.5))
    assert [frame.index % 4 for frame in capture.frames] == [2] * 12
    assert capture.dropped["less_sharp"] == 36


def test_odd_sizes_and_long_sides(tmp_path: Path) -> None:
    """An odd film stays odd; one that is too large is reduced, its shape kept; a small one is not enlarged."""
    source = write_film(tmp_path / "odd.mkv", moving_pictures(12, 161, 91), FilmStyle(pixels="yuv444p"))
    assert read_image(extract(source).frames[0].path).shape == (91, 161, 3)
    smaller = extract(source.rename(tmp_path / "again.mkv"), CaptureConfig(max_side=80))
    assert read_image(smaller.frames[0].path).shape == (45, 80, 3)
    assert (smaller.media.width, smaller.media.height) == (161, 91)


def test_a_portrait_film_stands_upright(tmp_path: Path) -> None:
    """A phone stores its portrait film lying; the kept pictures stand, and the report says so."""
    filmed = list(moving_pictures(12, 160, 96))
    capture = extract(write_film(tmp_path / "portrait.mp4", filmed, FilmStyle(rotation=-90)))
    assert (capture.media.width, capture.media.height) == (96, 160)
    assert capture.media.orientation == "turned by 90° clockwise"
    frame = capture.frames[3]
    assert mean_error(read_image(frame.path), np.rot90(filmed[frame.index], -1)) < 8


def test_variable_rate_keeps_true_times(tmp_path: Path) -> None:
    """Where the phone slowed down, times follow the film, not a mean rate, and windows are equal in time."""
    capture = extract(variable_rate_film(tmp_path / "vfr.mp4"), CaptureConfig(fps=4))
    times = np.array([frame.timestamp_s for frame in capture.frames])
    assert len(times) == 23  # 4 a second of the 5.86 s
    assert np.all((np.diff(times) > 0.05) & (np.diff(times) < 0.45))
    slow = times[times > 3.0]
    np.testing.assert_allclose(slow * 5, np.round(slow * 5), atol=0.01)


def test_4k60_hdr_film(tmp_path: Path) -> None:
    """4K, 60 frames a second, HLG in 10 bits: reduced to full HD, of ordinary brightness, named as HDR."""
    coarse = textured(3840 // 16 + 4, 2160 // 16)
    wide = coarse.repeat(16, axis=0).repeat(16, axis=1).astype(np.uint16) * 180
    codes = (np.ascontiguousarray(wide[:, shift * 8 : shift * 8 + 3840]) for shift in range(5))
    capture = extract(hdr_film(tmp_path / "hdr.mp4", codes, "hlg", codec="libx264", fps=60))
    assert len(capture.frames) == 5
    assert (capture.media.width, capture.media.transfer) == (3840, "hlg")
    assert capture.media.fps == pytest.approx(60)
    picture = read_image(capture.frames[0].path)
    assert picture.shape == (1080, 1920, 3)
    assert 60 < picture.mean() < 180


@pytest.mark.parametrize(
    ("name", "muxer"),
    [
        ("index_first.mp4", {"movflags": "+faststart"}),
        ("pieces.mp4", {"movflags": "+frag_keyframe"}),
        ("cut.mkv", {}),
    ],
)
def test_a_truncated_film_gives_what_is_there(tmp_path: Path, name: str, muxer: dict[str, str]) -> None:
    """Of a copy that broke off, the readable part is used, with a warning that says how much that was."""
    whole = write_film(
        tmp_path / f"whole_{name}", moving_pictures(90, 160, 120), FilmStyle(muxer_options=muxer)
    )
    capture = extract(truncated(tmp_path / name, whole, 0.6))
    assert 30 < capture.media.num_frames < 80
    assert [warning.code for warning in capture.warnings] == ["truncated_video"]
    assert "of 3.0 s" in capture.warnings[0].message


def test_damage_in_the_middle_is_skipped(tmp_path: Path) -> None:
    """Bytes that went bad cost the frames around them, not the film; what is kept looks like what was filmed."""
    style = FilmStyle(options={"preset": "ultrafast", "crf": "12", "g": "10"})
    filmed = list(moving_pictures(60, 160, 120))
    source = write_film(tmp_path / "scratched.mp4", filmed, style)
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 9000] = bytes(9000)
    source.write_bytes(content)
    capture = extract(source)
    assert 40 <= len(capture.frames) <= 50
    assert capture.frames[-1].index == 59
    errors = [mean_error(read_image(frame.path), filmed[frame.index]) for frame in capture.frames]
    assert max(errors) < 8
    assert [warning.code for warning in capture.warnings] == ["damaged_video"]


def test_standing_still_and_darkness_are_left_out(tmp_path: Path) -> None:
    """A film that pauses and fades: each picture once, each frame of the film counted once."""
    walk = list(moving_pictures(40, 160, 120, step=6))
    filmed = [*walk[:20], *[walk[20]] * 30, *walk[21:], *[walk[0] // 50] * 20]
    capture = extract(write_film(tmp_path / "pause.mp4", filmed))
    assert capture.dropped["black"] == 20
    assert 26 <= capture.dropped["frozen"] + capture.dropped["duplicate"] <= 30
    assert len(capture.frames) + sum(capture.dropped.values()) == len(filmed)
    assert [warning.code for warning in capture.warnings] == ["repeated_frames"]


def test_a_short_pause_is_no_fault(tmp_path: Path) -> None:
    """A tenth of the frames repeated is what phones do; the user is not bothered."""
    walk = list(moving_pictures(40, 160, 120, step=6))
    capture = extract(write_film(tmp_path / "pause.mp4", [*walk[:20], *[walk[20]] * 5, *walk[21:]]))
    assert capture.dropped["frozen"] + capture.dropped["duplicate"] >= 3
    assert capture.warnings == ()


def test_frames_before_the_beginning_are_not_kept(tmp_path: Path) -> None:
    """A film that was cut on the phone still holds what was cut away: it is decoded and not shown, as in a player."""
    filmed = list(moving_pictures(40, 160, 120))
    style = FilmStyle(first_s=-0.5)
    capture = extract(write_film(tmp_path / "cut.mp4", filmed, style), CaptureConfig(frames=25))
    assert capture.media.num_frames == 25
    assert mean_error(read_image(capture.frames[0].path), filmed[15]) < 8
    assert capture.frames[0].timestamp_s == 0


def test_wide_pixels_are_shown_wide(tmp_path: Path) -> None:
    """An anamorphic film is written with square pixels."""
    style = FilmStyle(pixel_aspect=Fraction(4, 3))
    capture = extract(write_film(tmp_path / "wide.mp4", moving_pictures(12, 120, 90), style))
    assert (capture.media.width, capture.media.height) == (160, 90)
    assert read_image(capture.frames[0].path).shape == (90, 160, 3)


def test_the_largest_stream_is_the_film(tmp_path: Path) -> None:
    """Of two video streams the one with more pixels is taken; the other is a preview."""
    assert extract(two_stream_film(tmp_path / "two.mov")).media.width == 160


def test_the_same_film_gives_the_same_files(tmp_path: Path) -> None:
    """Two threads write, and the result does not depend on them."""
    source = write_film(tmp_path / "film.mp4", moving_pictures(40, 160, 120))
    first, second = extract(source), extract(shutil.copy(source, tmp_path / "copy.mp4"))
    for one, other in zip(first.frames, second.frames, strict=True):
        assert replace(one, path=other.path) == other
        assert one.path.read_bytes() == other.path.read_bytes()


def test_memory_does_not_grow_with_the_film() -> None:
    """However slow the disk, at most three frames wait to be written."""
    finished = 0

    def slow_job() -> None:
        nonlocal finished
        time.sleep(0.002)
        finished += 1

    with BackgroundWriter() as writer:
        for submitted in range(1, 40):
            writer.submit(slow_job)
            assert submitted - finished <= 3
    assert finished == 39


def test_progress_runs_to_the_end(tmp_path: Path) -> None:
    """Progress only grows, starts early and ends at 1."""
    seen: list[Progress] = []
    source = write_film(tmp_path / "film.mp4", moving_pictures(60, 160, 120))
    (tmp_path / "out").mkdir()
    extract_frames(source, tmp_path / "out", CaptureConfig(), seen.append)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] < 0.1
    assert fractions[-1] == 1.0
    assert seen[-1].message == "60 frames kept"


def test_an_interrupt_stops_at_once(tmp_path: Path) -> None:
    """Ctrl-C in the middle ends the run without a manifest."""

    def interrupt(progress: Progress) -> None:
        if progress.fraction > 0.3:
            raise KeyboardInterrupt

    source = write_film(tmp_path / "film.mp4", moving_pictures(60, 160, 120))
    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        extract_frames(source, tmp_path / "out", CaptureConfig(), interrupt)
    assert not (tmp_path / "out" / "frames.json").exists()


def test_the_folder_can_move(tmp_path: Path) -> None:
    """The manifest's paths are relative: the pipeline renames the folder when the stage is done."""
    source = write_film(tmp_path / "film.mp4", moving_pictures(12, 160, 120))
    capture = extract(source)
    moved = (tmp_path / "film.mp4.frames").rename(tmp_path / "elsewhere")
    loaded = load_capture(moved)
    assert [replace(frame, path=Path()) for frame in loaded.frames] == [
        replace(frame, path=Path()) for frame in capture.frames
    ]
    assert all(frame.path.is_file() and frame.path.parent == moved / "images" for frame in loaded.frames)


@pytest.mark.parametrize("damage", ["no manifest", "no json", "other json", "no picture"])
def test_a_damaged_result_is_not_used(tmp_path: Path, damage: str) -> None:
    """A manifest that is gone, is no manifest, or names a picture that is gone ends in a sentence."""
    extract(write_film(tmp_path / "film.mp4", moving_pictures(12, 160, 120)))
    out = tmp_path / "film.mp4.frames"
    manifest = out / "frames.json"
    if damage == "no manifest":
        manifest.unlink()
    elif damage == "no picture":
        next((out / "images").iterdir()).unlink()
    else:
        manifest.write_text("{" if damage == "no json" else '{"frames": 3}')
    with pytest.raises(InvalidFileError, match=r"frames\.json"):
        load_capture(out)


def test_a_folder_is_taken_in_natural_order(tmp_path: Path) -> None:
    """``img2`` comes before ``img10``; small JPEGs are copied byte by byte under their own names."""
    source = picture_folder(tmp_path / "room", moving_pictures(12, 160, 120))
    (source / "._img3.jpg").write_bytes(b"what macOS leaves on foreign disks")
    (source / "notes.txt").write_text("no picture")
    (source / "img3.jpg").rename(source / "IMG3.JPG")
    capture = extract(source)
    assert [frame.name.lower() for frame in capture.frames] == [f"img{number}.jpg" for number in range(1, 13)]
    assert [frame.timestamp_s for frame in capture.frames] == list(range(12))
    for frame in capture.frames:
        assert frame.path.read_bytes() == (source / frame.name).read_bytes()
    assert (capture.media.kind, capture.media.num_frames, capture.media.codec) == ("pictures", 12, "jpeg")


def test_pictures_of_a_folder_are_turned_and_reduced(tmp_path: Path) -> None:
    """A picture that notes how it was held is turned, one that is too large is reduced; PNG becomes JPEG then."""
    source = tmp_path / "photos"
    source.mkdir()
    shots = list(moving_pictures(6, 160, 90, step=6))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise to show
    for number, shot in enumerate(shots):
        Image.fromarray(shot).save(source / f"{number}.png", exif=exif)
    with Image.open(extract(source).frames[0].path) as stored:
        assert stored.size == (90, 160)  # not by a note that other programs may ignore
    source = source.rename(tmp_path / "again")
    capture = extract(source, CaptureConfig(max_side=80))
    picture = read_image(capture.frames[0].path)
    assert capture.frames[0].path.suffix == ".jpg"
    assert (capture.media.width, capture.media.height) == (90, 160)
    assert picture.shape == (80, 45, 3)
    expected = np.asarray(Image.fromarray(np.rot90(shots[0], -1)).resize((45, 80), Image.Resampling.LANCZOS))
    assert mean_error(picture, expected) < 6


def test_pictures_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """``a.jpg`` and ``a.png`` are two pictures."""
    source = tmp_path / "twins"
    source.mkdir()
    for number, shot in enumerate(moving_pictures(8, 80, 60)):
        Image.fromarray(shot).save(
            source / f"{'abcd'[number // 2]}{('.jpg', '.png')[number % 2]}", quality=95
        )
    capture = extract(source)
    assert len({frame.path for frame in capture.frames}) == len(list((source).iterdir())) == 8


def test_a_large_folder_is_thinned_evenly(tmp_path: Path) -> None:
    """More pictures than ``max_frames``: the sharpest of each stretch, and the user hears of it."""
    source = picture_folder(tmp_path / "many", moving_pictures(40, 80, 60))
    capture = extract(source, CaptureConfig(min_frames=5, max_frames=10))
    assert [frame.index // 4 for frame in capture.frames] == list(range(10))
    assert [warning.code for warning in capture.warnings] == ["pictures_thinned"]
