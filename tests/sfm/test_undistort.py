"""Laws of lenses and of removing their distortion."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.progress import silent
from roomsplat.media.images import read_image, warp_image, write_image
from roomsplat.media.masks import mask_of, place_of_mask, read_mask, write_mask
from roomsplat.sfm.solution import Lens
from roomsplat.sfm.undistort import pinhole_of, source_grid, undistort_images
from tests.sfm.scenes import LENS, corner, draw, walk


@pytest.mark.parametrize("k", [-0.15, -0.03, 0.0, 0.08])
def test_rays_and_pixels_are_inverse(k: float) -> None:
    """To the plane and back is the same pixel, over the whole picture."""
    lens = replace(LENS, k=k)
    pixels = np.random.default_rng(0).uniform(0, (320, 240), (200, 2))
    np.testing.assert_allclose(lens.pixels(lens.rays(pixels)), pixels, atol=1e-3)


@pytest.mark.parametrize("k", [-0.2, -0.03, 0.0, 0.03, 0.2])
def test_the_pinhole_has_no_black_border(k: float) -> None:
    """Every pixel of the result comes from inside the picture, and a slightly wider view would not."""
    lens = replace(LENS, k=k)
    pinhole = pinhole_of(lens)
    grid = source_grid(lens, pinhole)
    assert grid.min() > -0.01
    assert np.all(grid.max(axis=(0, 1)) < np.array([320, 240]) + 0.01)
    wider = source_grid(lens, replace(pinhole, focal=pinhole.focal * 0.99))
    assert wider.min() < -0.01 or np.any(wider.max(axis=(0, 1)) > np.array([320, 240]) + 0.01)


def test_the_warped_picture_is_the_pinholes() -> None:
    """A drawn room, warped, equals the room drawn through the pinhole better than any shift by a quarter pixel does."""
    lens = replace(LENS, k=-0.1)
    pinhole = pinhole_of(lens)
    walls, pose = corner(), walk(3)[1]
    warped = warp_image(draw(walls, pose, lens), source_grid(lens, pinhole)).astype(float)[4:-4, 4:-4]

    def difference(dx: float, dy: float) -> float:
        shifted = replace(pinhole, cx=pinhole.cx + dx, cy=pinhole.cy + dy)
        return float(np.abs(warped - draw(walls, pose, shifted)[4:-4, 4:-4]).mean())

    here = difference(0, 0)
    assert here < 2.0
    assert all(difference(dx, dy) > 1.2 * here for dx, dy in [(-0.25, 0), (0.25, 0), (0, -0.25), (0, 0.25)])


def test_a_picture_without_distortion_is_copied(tmp_path: Path) -> None:
    """No second JPEG generation where nothing changes; a bent one is written anew."""
    source, out = tmp_path / "a.jpg", tmp_path / "out"
    out.mkdir()
    write_image(source, draw(corner(), walk(3)[0]))
    straight: Lens = replace(LENS, k=0.0)
    (path,) = undistort_images([source], out, straight, pinhole_of(straight), silent)
    assert path.read_bytes() == source.read_bytes()
    (path,) = undistort_images([source], out, LENS, pinhole_of(LENS), silent)
    assert path.read_bytes() != source.read_bytes()
    assert read_image(path).shape == (240, 320, 3)


def test_a_resized_lens_sees_the_same() -> None:
    """Twice the picture, twice the pixels, the same rays."""
    pixels = np.random.default_rng(0).uniform(0, (320, 240), (20, 2))
    np.testing.assert_allclose(LENS.resized(640, 480).rays(2 * pixels), LENS.rays(pixels), atol=1e-9)


@pytest.mark.parametrize("k", [0.0, -0.1])
def test_a_mask_goes_with_its_picture(tmp_path: Path, k: float) -> None:
    """What is black in the mask is what the picture shows there, bent or not; a picture without a mask gets none."""
    (tmp_path / "in" / "images").mkdir(parents=True)
    (tmp_path / "out" / "images").mkdir(parents=True)
    sources = [tmp_path / "in" / "images" / name for name in ("a.png", "b.png")]
    counts = np.hypot(*np.ogrid[-120:120, -160:160]) > 70
    for path in sources:
        write_image(path, np.repeat(counts[..., None] * np.uint8(255), 3, axis=2))
    write_mask(place_of_mask(sources[0]), counts)
    lens = replace(LENS, k=k)
    paths = undistort_images(sources, tmp_path / "out" / "images", lens, pinhole_of(lens), silent)
    mask = mask_of(paths[0])
    assert mask is not None
    assert (read_mask(mask) == (read_image(paths[0])[..., 0] > 127)).mean() > 0.999
    assert (read_mask(mask) == counts).all() == (k == 0)
    assert mask_of(paths[1]) is None
