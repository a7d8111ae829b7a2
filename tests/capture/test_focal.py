"""What a film or a folder says of its lens, from the file to the number that mapping begins with."""

import math
from pathlib import Path

import pytest
from PIL import Image

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.extract import extract_frames, load_capture
from roomsplat.capture.focal import FILM_TAGS, common_equivalent, film_equivalent, focal_ratio
from tests.capture.films import FilmStyle, moving_pictures, write_film

IPHONE = 26 / 43.27 * math.hypot(4, 3) / 4
"""26 mm on a picture of 4:3: 0.751 of the longer side."""


def folder_of(path: Path, equivalents: list[int]) -> Path:
    """Pictures whose cameras state these focal lengths; 0: no word."""
    path.mkdir()
    for number, (picture, equivalent) in enumerate(
        zip(moving_pictures(len(equivalents), 160, 120), equivalents, strict=True)
    ):
        exif = Image.Exif()
        if equivalent:
            exif.get_ifd(0x8769)[0xA405] = equivalent
        Image.fromarray(picture).save(path / f"{number}.jpg", exif=exif)
    return path


def ratio_of(source: Path, out: Path) -> float | None:
    """What capture hands on."""
    out.mkdir()
    extract_frames(source, out, CaptureConfig())
    return load_capture(out).media.focal_ratio


@pytest.mark.parametrize(
    ("equivalents", "expected"),
    [
        ([26] * 8, IPHONE),
        ([26, 0] * 4, IPHONE),
        ([26, *[0] * 7], None),
        ([13, 26] * 4, None),
        ([0] * 8, None),
    ],
    ids=["all", "half", "one", "two lenses", "none"],
)
def test_pictures_tell_when_they_agree(
    tmp_path: Path, equivalents: list[int], expected: float | None
) -> None:
    """At least half of the pictures, and all that say anything say the same: else nothing is known."""
    found = ratio_of(folder_of(tmp_path / "room", equivalents), tmp_path / "out")
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-3))


@pytest.mark.parametrize(
    ("said", "expected"), [("26", IPHONE), ("26 mm", IPHONE), ("900", None), ("0", None), ("wide", None)]
)
def test_a_film_tells(tmp_path: Path, said: str, expected: float | None) -> None:
    """The tag that iPhones write; what no lens has, or is no number, is not believed."""
    style = FilmStyle(muxer_options={"movflags": "use_metadata_tags"}, tags={FILM_TAGS[0]: said})
    film = write_film(tmp_path / "room.mov", moving_pictures(24, 160, 120), style)
    found = ratio_of(film, tmp_path / "out")
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-3))


def test_a_film_without_a_word(tmp_path: Path) -> None:
    """Most films say nothing of their lens."""
    film = write_film(tmp_path / "room.mp4", moving_pictures(24, 160, 120))
    assert ratio_of(film, tmp_path / "out") is None
    assert film_equivalent({"title": "26"}) is None


def test_the_ratio_holds_for_every_size_and_either_way_up() -> None:
    """A reduced picture and an upright one have the same ratio to the longer side."""
    assert focal_ratio(26, 4000, 3000) == focal_ratio(26, 400, 300) == focal_ratio(26, 3000, 4000)
    assert focal_ratio(50, 36, 24) == pytest.approx(50 / 36, rel=1e-3)


def test_nonsense_is_no_focal_length() -> None:
    """No number, no picture, a fisheye and a telescope: none of them is what a room is filmed with."""
    assert focal_ratio(None, 4, 3) is None
    assert focal_ratio(math.nan, 4, 3) is None
    assert focal_ratio(26, 0, 0) is None
    assert focal_ratio(4, 4, 3) is None
    assert focal_ratio(400, 4, 3) is None
    assert common_equivalent([]) is None
