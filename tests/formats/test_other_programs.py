"""Files that PlayCanvas's splat-transform 2.7.1 wrote hold for us what they hold for it, and what its source held.

What it and other programs read in our files was compared by hand (docs/lab-notebook.md, formats).
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.turning import rotation_about_axes, turn
from roomsplat.formats.ply import read_ply
from roomsplat.formats.scene_files import read_scene

FOLDER = Path(__file__).parents[1] / "golden" / "formats" / "splat_transform"

# It takes a PLY for +y down: an SPZ turns it by 180° about x, a .glb by 180° about z. Both have +y up for us.
TURNS = {
    "a.sog": np.eye(3),
    "a.compressed.ply": np.eye(3),
    "a.spz": rotation_about_axes((90, 0, 0)) @ rotation_about_axes((180, 0, 0)),
    "a.glb": rotation_about_axes((90, 0, 0)) @ rotation_about_axes((0, 0, 180)),
}


def covariances(gaussians: Gaussians) -> NDArray[np.float64]:
    """(n, 3, 3): the same for a rotation that differs by half a turn about an axis of the Gaussian."""
    factors = gaussians.rotations.astype(np.float64) * gaussians.scales[:, None, :]
    return factors @ factors.transpose(0, 2, 1)


@pytest.mark.parametrize("name", ["sog", "spz", "compressed"])
def test_we_read_what_it_reads(name: str) -> None:
    """Of the same small file its reader and ours make the same Gaussians, value by value, in the same order."""
    path = FOLDER / ("a.compressed.ply" if name == "compressed" else f"a.{name}")
    found = read_scene(path).gaussians
    # it gives back an SPZ with the turn about x undone
    back = (0, 0, 0) if name != "spz" else (90, 0, 0)
    expected = read_ply(FOLDER / f"from_{name}.ply").gaussians
    expected = turn(
        expected, rotation_about_axes(back) @ rotation_about_axes((180 if name == "spz" else 0, 0, 0))
    )
    np.testing.assert_allclose(found.means, expected.means, atol=1e-6)
    np.testing.assert_allclose(found.log_scales, expected.log_scales, atol=1e-5)
    np.testing.assert_allclose(found.opacities, expected.opacities, atol=1e-5)
    np.testing.assert_allclose(found.sh, expected.sh, atol=2e-6)
    np.testing.assert_allclose(covariances(found), covariances(expected), atol=1e-6)


@pytest.mark.parametrize(("name", "turned"), TURNS.items())
def test_what_it_writes_is_read_as_it_was_meant(name: str, turned: NDArray[np.float64]) -> None:
    """Places, shapes, opacities and harmonics come out as they went in, to what the format (and its writer) rounds."""
    found = read_scene(FOLDER / name).gaussians
    source = turn(read_ply(FOLDER / "source.ply").gaussians, turned)
    ours = source[np.asarray(cKDTree(source.means).query(found.means)[1])]
    assert len(np.unique(ours.means, axis=0)) == len(source) == 40
    np.testing.assert_allclose(found.means, ours.means, atol=4e-3)
    np.testing.assert_allclose(found.opacities, ours.opacities, atol=1.01 / 255)
    np.testing.assert_allclose(found.sh[:, 0], ours.sh[:, 0], atol=0.04)
    change = np.sqrt(np.mean((found.sh[:, 1:] - ours.sh[:, 1:]) ** 2))
    assert change < (
        0.1 if name == "a.sog" else 0.04
    )  # its palette has fewer entries than there are Gaussians
    sizes = np.trace(covariances(ours), axis1=1, axis2=2)[:, None, None]
    np.testing.assert_allclose(covariances(found) / sizes, covariances(ours) / sizes, atol=0.09)


def test_numbers_that_are_not_rounded_are_the_same() -> None:
    """Its .glb holds floats: nothing but their last digits may differ."""
    found = read_scene(FOLDER / "a.glb").gaussians
    source = turn(read_ply(FOLDER / "source.ply").gaussians, TURNS["a.glb"])
    ours = source[np.asarray(cKDTree(source.means).query(found.means)[1])]
    np.testing.assert_allclose(found.means, ours.means, atol=1e-6)
    np.testing.assert_allclose(found.log_scales, ours.log_scales, atol=1e-5)
    np.testing.assert_allclose(found.sh, ours.sh, atol=1e-5)
