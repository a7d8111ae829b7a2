"""Single pictures: what is written is read back, what is noted is applied, what is broken is named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from roomsplat.errors import InvalidFileError, OutputError
from roomsplat.media.images import read_header, read_image, resize_image, write_image
from tests.capture.films import textured

ORIENTATION = 0x0112
# What a viewer does for each EXIF orientation (CIPA DC-008, 4.6.4), on a stored (h, w, 3) picture.
UPRIGHT = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, 1),
}


def test_png_loses_nothing(tmp_path: Path) -> None:
    """PNG gives back every value."""
    rgb = textured(31, 17)
    write_image(tmp_path / "a.png", rgb)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), rgb)


def test_jpeg_keeps_colour_at_full_resolution(tmp_path: Path) -> None:
    """Columns of two colours, one pixel wide, survive: chroma is not subsampled (4:2:0 is off by 60 levels)."""
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[:, ::2], rgb[:, 1::2] = (200, 60, 60), (60, 60, 200)
    write_image(tmp_path / "a.jpg", rgb)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - rgb).max() <= 12


@pytest.mark.parametrize("orientation", sorted(UPRIGHT))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    """A picture that notes how the camera was held comes out upright; its header gives the upright size."""
    stored = textured(30, 20)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    expected = UPRIGHT[orientation](stored)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)
    header = read_header(tmp_path / "a.png")
    assert (header.height, header.width) == expected.shape[:2]
    assert header.is_plain == (orientation == 1)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    """Grey, palette, alpha and print colours all give (h, w, 3); the header says that the file is not plain RGB."""
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.fromarray(textured(20, 10)).convert(mode).save(path)
    picture = read_image(path)
    assert picture.shape == (10, 20, 3)
    assert picture.dtype == np.uint8
    assert not read_header(path).is_plain


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\xff\xd8\xff\xe0" + bytes(50)], ids=["empty", "text", "cut"]
)
@pytest.mark.parametrize("read", [read_image, read_header], ids=["pixels", "header"])
def test_a_broken_picture_is_named(tmp_path: Path, content: bytes, read: object) -> None:
    """No picture: one sentence with the file's name."""
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(InvalidFileError, match=r"broken\.jpg"):
        read(path)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    """No file: the same."""
    with pytest.raises(InvalidFileError, match=r"gone\.png"):
        read_image(tmp_path / "gone.png")


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    """No such folder: one sentence with the file's name."""
    with pytest.raises(OutputError, match=r"nowhere/a\.png"):
        write_image(tmp_path / "nowhere" / "a.png", textured(4, 4))


def test_resizing_keeps_the_mean_and_the_place() -> None:
    """Shrinking averages (no aliasing), and pixel centres stay at +0.5: a ramp stays the same ramp."""
    ramp = np.repeat(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    small = resize_image(ramp, 64, 16)
    assert small.shape == (16, 64, 3)
    expected = ramp[0, :, 0].reshape(64, 4).mean(axis=1)
    assert np.abs(small[8, 2:-2, 0] - expected[2:-2]).max() <= 1
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.abs(resize_image(stripes, 16, 16)[:, 2:-2].astype(int) - 100).max() <= 2
    assert resize_image(ramp, 256, 64) is ramp


def _with_exif(path: Path, tags: dict[int, object]) -> Path:
    """A small JPEG whose camera says this of itself."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update(tags)
    Image.fromarray(textured(40, 30)).save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({0xA405: 26, 0x920A: 4.25}, 26.0),
        ({0x920A: 50.0, 0xA002: 3600, 0xA003: 2400, 0xA20E: 100.0, 0xA210: 4}, 50.0),
        ({0x920A: 50.0, 0xA002: 3600, 0xA003: 2400, 0xA20E: 1000.0, 0xA210: 3}, 50.0),
        ({0x920A: 4.25}, None),
        ({0xA405: 0}, None),
        ({0x920A: 50.0, 0xA002: 3600, 0xA003: 2400, 0xA20E: 0.0, 0xA210: 4}, None),
        ({}, None),
    ],
    ids=["stated", "sensor in mm", "sensor in cm", "no sensor", "zero", "no resolution", "nothing"],
)
def test_the_focal_length_is_read(tmp_path: Path, tags: dict[int, object], expected: float | None) -> None:
    """As the camera states it for 35 mm film, else from its sensor's size; with too little known there is none."""
    read = read_header(_with_exif(tmp_path / "a.jpg", tags)).focal_35mm
    assert read == (None if expected is None else pytest.approx(expected, rel=2e-3))
