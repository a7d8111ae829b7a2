"""Files that exist keep their meaning: each golden file holds what ``expected.json`` says, exactly."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roomsplat.core.cameras import Cameras
from roomsplat.formats.colmap import read_colmap
from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.formats.ply import read_ply, write_ply
from tests.formats.samples import GAUSSIAN_FIELDS

FOLDER = Path(__file__).parents[1] / "golden" / "formats"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text("utf-8"))


def assert_cameras(cameras: Cameras, expected: dict[str, Any]) -> None:
    """Poses, lenses and sizes as the file says."""
    count = len(expected["centers"])
    assert np.allclose(cameras.centers, expected["centers"], rtol=0, atol=1e-6)
    assert np.allclose(cameras.cam_from_world[:, :3, :3], expected["rotations"], rtol=0, atol=1e-6)
    assert cameras.intrinsics.tolist() == [expected["intrinsics"]] * count
    assert cameras.distortion.tolist() == [expected["distortion"]] * count
    assert [cameras.width, cameras.height] == expected["size"]


def test_every_golden_scene_is_expected() -> None:
    """No golden scene lies there unread."""
    assert {path.name for path in FOLDER.glob("*.ply")} == set(EXPECTED["scenes"])


@pytest.mark.parametrize("name", EXPECTED["scenes"])
def test_scene(name: str) -> None:
    """Every way of writing the three Gaussians is read as the same three."""
    scene = read_ply(FOLDER / name)
    for field in GAUSSIAN_FIELDS:
        np.testing.assert_array_equal(
            getattr(scene.gaussians, field), EXPECTED["gaussians"][field], err_msg=field
        )
    found = {"splat_model": scene.splat_model, "scale": scene.scale, "provenance": scene.provenance}
    assert found == EXPECTED["scenes"][name]


def test_our_rows_are_the_layout(tmp_path: Path) -> None:
    """What we write today has, after its comments, the header and the rows of the layout file, byte for byte."""
    write_ply(tmp_path / "a.ply", read_ply(FOLDER / "layout.ply"))
    lines = (tmp_path / "a.ply").read_bytes().split(b"\n")
    plain = [line for line in lines if not line.startswith(b"comment ")]
    assert b"\n".join(plain) == (FOLDER / "layout.ply").read_bytes()


def test_colmap_model() -> None:
    """pycolmap's model has these poses, lens and points."""
    model, expected = read_colmap(FOLDER / "colmap"), EXPECTED["colmap"]
    assert list(model.image_names) == expected["image_names"]
    assert_cameras(model.cameras, expected)
    for field in ("positions", "colors", "errors", "track_lengths"):
        assert getattr(model.points, field).tolist() == expected[field]


@pytest.mark.parametrize("name", EXPECTED["nerfstudio"])
def test_transforms(name: str) -> None:
    """nerfstudio's and instant-ngp's files have these cameras."""
    file, expected = read_transforms(FOLDER / name), EXPECTED["nerfstudio"][name]
    assert list(file.image_paths) == expected["image_paths"]
    assert file.cameras.model == expected["model"]
    assert_cameras(file.cameras, expected)
    applied = None if file.applied_transform is None else file.applied_transform.tolist()
    assert applied == expected["applied_transform"]
