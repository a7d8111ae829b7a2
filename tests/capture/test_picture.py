"""Colours and the way up: what a film stores becomes what its player shows."""

from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.film import decode_film
from roomsplat.capture.orientation import Orientation
from roomsplat.capture.picture import PictureFormat
from tests.capture.films import FilmStyle, hdr_film, write_film
from tests.reference.tone_map import sdr_pixel

COLORS = [(255, 255, 255), (0, 0, 0), (200, 40, 30), (30, 180, 60), (20, 60, 220), (128, 128, 128)]
# H.273 code, and the weights of red and blue in luma.
MATRICES = {"bt709": (1, 0.2126, 0.0722), "bt601": (6, 0.299, 0.114), "bt2020": (9, 0.2627, 0.0593)}


def yuv_frame(
    rgb: tuple[int, int, int], matrix: str, *, full: bool, bits: int, size: tuple[int, int] = (65, 49)
) -> VideoFrame:
    """One colour, coded by the definition of ITU-R BT.601/709/2020 (in doubles)."""
    code, kr, kb = MATRICES[matrix]
    r, g, b = (value / 255 for value in rgb)
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    top, unit = 2**bits - 1, 2 ** (bits - 8)
    levels = (
        [y * top, u * top + 128 * unit, v * top + 128 * unit]
        if full
        else [(16 + 219 * y) * unit, (128 + 224 * u) * unit, (128 + 224 * v) * unit]
    )
    frame = VideoFrame(*size, "yuv420p" if bits == 8 else "yuv420p10le")
    kind = np.dtype(np.uint8 if bits == 8 else np.uint16)
    for plane, level in zip(frame.planes, levels, strict=True):
        plane.update(np.full(plane.buffer_size // kind.itemsize, round(level), kind).tobytes())
    frame.colorspace, frame.color_range = code, 2 if full else 1
    return frame


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", sorted(MATRICES))
@pytest.mark.parametrize("max_side", [1000, 33])
def test_colours_survive_every_matrix_and_range(matrix: str, full: bool, bits: int, max_side: int) -> None:
    """Each colour comes back within 2 levels, at an odd size, at full size and reduced."""
    for rgb in COLORS:
        frame = yuv_frame(rgb, matrix, full=full, bits=bits)
        picture = PictureFormat.of(frame, max_side).to_rgb(frame)
        assert max(picture.shape[:2]) == min(65, max_side)
        assert np.abs(picture.astype(int) - rgb).max() <= 2


@pytest.mark.parametrize(
    ("size", "matrix"),
    [((640, 480), "bt601"), ((720, 576), "bt601"), ((1280, 544), "bt709"), ((480, 640), "bt709")],
)
def test_untagged_film_is_read_as_players_do(size: tuple[int, int], matrix: str) -> None:
    """Without a tag a film of PAL's size or smaller is BT.601 and a wider or higher one BT.709."""
    frame = yuv_frame((200, 40, 30), matrix, full=False, bits=8, size=size)
    frame.colorspace = 2
    assert np.abs(PictureFormat.of(frame, 4000).to_rgb(frame).astype(int) - (200, 40, 30)).max() <= 2


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_a_noted_rotation_is_applied(tmp_path: Path, rotation: int, mirrored: bool) -> None:
    """A film that notes how it is to be turned comes out as its player shows it, all eight ways."""
    stored = np.full((64, 96, 3), 30, np.uint8)
    stored[:32, :48], stored[:32, 48:], stored[32:, :48] = (220, 30, 30), (30, 220, 30), (30, 30, 220)
    style = FilmStyle(rotation=rotation, mirrored=mirrored)
    frame = next(decode_film(write_film(tmp_path / "turned.mp4", [stored, stored], style), CaptureConfig()))
    shown = PictureFormat.of(frame, 1000).to_rgb(frame)
    turned = np.rot90(stored, rotation // 90)
    expected = turned[:, ::-1] if mirrored else turned
    assert shown.shape == expected.shape
    corners = np.ix_([12, -12], [12, -12])
    assert np.abs(shown[corners].astype(int) - expected[corners]).max() <= 12


def test_orientation_turns_size_and_picture_alike() -> None:
    """``size`` foretells the shape that ``apply`` gives, and no two of the eight are the same."""
    stored = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    seen: set[bytes] = set()
    for bits in range(8):
        turn = Orientation(transposed=bool(bits & 1), mirrored_x=bool(bits & 2), mirrored_y=bool(bits & 4))
        upright = turn.apply(stored)
        assert upright.shape[1::-1] == turn.size(3, 2)
        assert upright.flags.c_contiguous
        seen.add(bytes([upright.shape[0]]) + upright.tobytes())
    assert len(seen) == 8


def test_wide_pixels_become_square() -> None:
    """A film whose stored pixels are wider than high is stretched to what was seen."""
    frame = yuv_frame((128, 128, 128), "bt709", full=False, bits=8, size=(72, 49))
    style = PictureFormat.of(frame, 1000, pixel_aspect=4 / 3)
    assert (style.width, style.height) == (96, 49)
    assert style.to_rgb(frame).shape == (49, 96, 3)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_hdr_film_comes_out_as_sdr(tmp_path: Path, transfer: str) -> None:
    """Patches of a 10-bit BT.2020 film are within 3 levels of the reference after HEVC and back."""
    signals = [(0.1, 0.1, 0.1), (0.4, 0.4, 0.4), (0.58, 0.58, 0.58), (0.5, 0.35, 0.3), (0.3, 0.45, 0.35)]
    codes = np.repeat(np.repeat(np.array(signals)[None], 48, axis=0), 32, axis=1) * 65535
    film = hdr_film(tmp_path / f"{transfer}.mp4", [np.round(codes).astype(np.uint16)] * 5, transfer)
    frame = next(decode_film(film, CaptureConfig()))
    style = PictureFormat.of(frame, 1000)
    assert style.transfer == transfer
    shown = style.to_rgb(frame)[24, 16::32].astype(float)
    expected = [sdr_pixel(signal, transfer) for signal in signals]
    np.testing.assert_allclose(shown, expected, atol=3)


@pytest.mark.parametrize(("stated", "used"), [(None, 1000), (400, 400), (100, 203)])
def test_a_film_that_states_its_brightest_light_is_believed(
    tmp_path: Path, stated: int | None, used: int
) -> None:
    """MaxCLL sets where the highlights end; below reference white it cannot be meant; without it 1,000 cd/m²."""
    codes = np.full((48, 64, 3), 30_000, np.uint16)
    film = hdr_film(tmp_path / "pq.mp4", [codes] * 5, "pq", max_light=stated)
    frame = next(decode_film(film, CaptureConfig()))
    assert PictureFormat.of(frame, 1000).peak == used


@pytest.mark.parametrize(
    ("stored", "shown"), [((128, 128, 128), (128, 128, 128)), ((180, 100, 100), (214, 83, 98))]
)
def test_wide_colours_without_hdr_are_brought_into_srgb(
    stored: tuple[int, int, int], shown: tuple[int, int, int]
) -> None:
    """A film of BT.2020 primaries and ordinary brightness: grey stays grey, a red is stronger in sRGB's numbers."""
    frame = yuv_frame(stored, "bt2020", full=False, bits=10)
    frame.color_primaries = 9
    assert np.abs(PictureFormat.of(frame, 1000).to_rgb(frame)[20, 20].astype(int) - shown).max() <= 3
