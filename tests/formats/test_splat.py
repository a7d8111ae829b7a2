"""Laws of .splat: the layout byte by byte, the order, and rows that cannot be drawn."""

import struct
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.scene import SplatScene
from roomsplat.core.spherical_harmonics import Y00
from roomsplat.errors import InvalidFileError
from roomsplat.formats.splat import importance, read_splat, write_splat
from tests.formats.samples import make_gaussians, make_scene

GOOD = struct.pack("<6f8B", 1, 2, 3, 0.1, 0.2, 0.3, 255, 128, 0, 128, 128, 128, 128, 0)


def test_a_gaussian_is_these_bytes(tmp_path: Path) -> None:
    """One Gaussian with round values, byte for byte as the format's README has them."""
    gaussians = Gaussians(
        means=np.array([[1, -2, 3.5]], np.float32),
        quats=np.array([[0, -2, 0, 0]], np.float32),
        log_scales=np.log(np.array([[0.5, 2, 0.25]], np.float32)),
        opacity_logits=np.zeros(1, np.float32),
        sh=np.array([[[0.5 / Y00, 9, -9]]], np.float32),
    )
    write_splat(tmp_path / "a.splat", SplatScene(gaussians=gaussians))
    expected = struct.pack("<6f8B", 1, -2, 3.5, 0.5, 2, 0.25, 255, 255, 0, 128, 128, 0, 128, 128)
    assert (tmp_path / "a.splat").read_bytes() == expected


def test_the_most_important_come_first(tmp_path: Path) -> None:
    """Rows are ordered by opacity times area, so that the first half of a file is the better half."""
    scene = make_scene(500)
    write_splat(tmp_path / "a.splat", scene)
    back = read_splat(tmp_path / "a.splat").gaussians
    places = {tuple(mean): number for number, mean in enumerate(scene.gaussians.means.tolist())}
    order = [places[tuple(mean)] for mean in back.means.tolist()]
    values = importance(scene.gaussians)[order]
    assert (np.diff(values) <= 0).all()
    big, flat, faint = make_gaussians(3), *(make_gaussians(3) for _ in range(2))
    flat.log_scales[:, 2] = -15.0
    faint.opacity_logits[:] -= 5.0
    np.testing.assert_allclose(
        importance(flat), flat.opacities * np.exp(flat.log_scales[:, :2].sum(1)), rtol=1e-5
    )
    assert (importance(faint) < importance(big)).all()


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (struct.pack("<6f8B", np.nan, 0, 0, 1, 1, 1, *range(8)), "a place that is no number"),
        (struct.pack("<6f8B", 0, 0, 0, 1, -1, 1, *range(8)), "a negative size"),
        (struct.pack("<6f8B", 0, 0, 0, 1, np.inf, 1, *range(8)), "an endless size"),
        (struct.pack("<6f8B", 0, 0, 0, 1, 1, 1, 9, 9, 9, 9, 128, 128, 128, 128), "no rotation"),
    ],
)
def test_rows_that_cannot_be_drawn_are_left_out(tmp_path: Path, row: bytes, why: str) -> None:
    """A bad row among good ones is left out and counted; a file of nothing else is refused."""
    path = tmp_path / "a.splat"
    path.write_bytes(GOOD + row + GOOD)
    back = read_splat(path)
    assert len(back.gaussians) == 2, why
    assert back.provenance == {"rows_left_out": "1"}
    path.write_bytes(row)
    with pytest.raises(InvalidFileError, match="not one of them"):
        read_splat(path)


def test_a_size_of_nothing_is_very_small(tmp_path: Path) -> None:
    """A flat splat (a third size of 0) can be drawn."""
    (tmp_path / "a.splat").write_bytes(struct.pack("<6f8B", 0, 0, 0, 1, 1, 0, *range(8)))
    assert read_splat(tmp_path / "a.splat").gaussians.log_scales.tolist() == [[0, 0, -20]]


def test_a_scene_that_is_not_finite_is_not_written(tmp_path: Path) -> None:
    """What no reader could draw is a bug of the caller's, and leaves no file."""
    gaussians = make_gaussians(3)
    gaussians.means[1, 1] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        write_splat(tmp_path / "a.splat", SplatScene(gaussians=gaussians))
    assert list(tmp_path.iterdir()) == []
