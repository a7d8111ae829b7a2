"""What a frame looks like, small: sharpness falls with blur, sameness is not fooled by noise or light."""

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import gaussian_filter, laplace, uniform_filter1d

from roomsplat.capture.selection import DUPLICATE_DIFFERENCE, FROZEN_DIFFERENCE
from roomsplat.capture.sharpness import _halved, difference, look, sharpness
from tests.capture.films import textured


def grey_frame(levels: np.ndarray, pixels: str = "yuv420p") -> VideoFrame:
    """A frame whose brightness is ``levels`` (h, w), 0 to 255."""
    return VideoFrame.from_ndarray(np.repeat(levels[..., None], 3, axis=2), "rgb24").reformat(
        format=pixels, threads=1
    )


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=3, max_side=40)))
@settings(max_examples=40, deadline=None)
def test_sharpness_is_the_mean_squared_laplacian(levels: np.ndarray) -> None:
    """The fast sum equals SciPy's Laplacian in doubles, borders left out."""
    expected = np.mean(laplace(levels.astype(np.float64))[1:-1, 1:-1] ** 2)
    assert sharpness(levels.astype(np.int16)) == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(2, 2), (7, 9), (130, 131), (200, 64)])
def test_halving_is_the_rounded_mean_of_four(kind: type, shape: tuple[int, int]) -> None:
    """The trick with wide numbers equals the plain mean, also on a view with a stride, at odd sizes and over slabs."""
    top = 256 if kind is np.uint8 else 1 << 14
    padded = np.random.default_rng(0).integers(0, top, (shape[0], shape[1] + 5)).astype(kind)
    levels = padded[:, : shape[1]]
    even = levels[: shape[0] // 2 * 2, : shape[1] // 2 * 2].astype(np.int64)
    sums = even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2]
    np.testing.assert_array_equal(_halved(levels), (sums + 2) // 4)


@pytest.mark.parametrize("size", [(320, 240), (1920, 1080)])
def test_blur_of_any_kind_lowers_sharpness(size: tuple[int, int]) -> None:
    """A focus error and a shake are each less sharp the larger they are, noise or not."""
    scene = textured(*size)[..., 1].astype(np.float64)
    noise = np.random.default_rng(1).normal(0, 2, scene.shape)
    focus = [gaussian_filter(scene, sigma) for sigma in (0, 1, 2, 4)]
    shake = [uniform_filter1d(scene, length, axis=1) for length in (1, 5, 9, 17)]
    for series in (focus, shake):
        values = [look(grey_frame(np.clip(s + noise, 0, 255).astype(np.uint8))).sharpness for s in series]
        assert np.all(np.diff(values) < 0)


@pytest.mark.parametrize(
    "pixels", ["yuv420p10le", "yuvj420p", "yuv444p", "rgb24", "nv12", "gbrp", "yuv420p16le"]
)
def test_the_impression_does_not_depend_on_the_pixel_format(pixels: str) -> None:
    """10 bits, full range, packed or planar: the thumbnail is the same within 2 levels."""
    levels = textured(322, 241)[..., 1]
    expected, got = look(grey_frame(levels)), look(grey_frame(levels, pixels))
    assert np.abs(expected.thumbnail - got.thumbnail).max() <= 2
    assert got.sharpness == pytest.approx(expected.sharpness, rel=0.5)


@pytest.mark.parametrize("size", [(160, 120), (848, 364), (1920, 1080)])
def test_noise_is_the_same_picture_and_a_step_is_not(size: tuple[int, int]) -> None:
    """A sensor's noise stays below the duplicate's threshold, a repeated frame below the frozen one, a move above."""
    rng = np.random.default_rng(0)
    scene = textured(size[0] + 12, size[1])[..., 1].astype(np.float64)

    def shot(offset: int) -> np.ndarray:
        noisy = scene[:, offset : offset + size[0]] + rng.normal(0, 3, (size[1], size[0]))
        return look(grey_frame(np.clip(noisy, 0, 255).astype(np.uint8))).thumbnail

    still = shot(0)
    assert difference(still, still) < FROZEN_DIFFERENCE
    assert difference(still, shot(0)) < DUPLICATE_DIFFERENCE
    assert difference(still, shot(12)) > 1.5 * DUPLICATE_DIFFERENCE


def test_a_lamp_is_no_movement() -> None:
    """A change of overall brightness does not make a new picture."""
    levels = textured(160, 120)[..., 1] // 2
    darker, brighter = look(grey_frame(levels)), look(grey_frame(levels + 20))
    assert difference(darker.thumbnail, brighter.thumbnail) < DUPLICATE_DIFFERENCE


@pytest.mark.parametrize("shape", [(1, 1), (2, 500), (500, 2), (3, 3)])
def test_no_shape_is_too_odd(shape: tuple[int, int]) -> None:
    """A strip or a dot has an impression, too."""
    impression = look(VideoFrame.from_ndarray(np.full((*shape, 3), 90, np.uint8), "rgb24"))
    assert impression.sharpness == 0
    assert impression.thumbnail.size > 0
