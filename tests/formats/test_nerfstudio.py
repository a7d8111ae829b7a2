"""nerfstudio's transforms.json: axes by hand, defaults, files of other programs, and a sentence for each mistake."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roomsplat.core.projection import project_with
from roomsplat.errors import InvalidFileError
from roomsplat.formats.nerfstudio import TransformsFile, read_transforms, write_transforms
from tests.formats.samples import make_cameras

IDENTITY = np.eye(4).tolist()


def write_json(path: Path, content: object) -> Path:
    """Any JSON as a file."""
    path.write_text(json.dumps(content), "utf-8")
    return path


def file_with(top: dict[str, Any] | None = None, **frame: Any) -> dict[str, Any]:
    """A good file with one frame, some values of which are replaced."""
    good: dict[str, Any] = {"w": 640, "h": 480, "fl_x": 500.0, "fl_y": 510.0, "cx": 320.0, "cy": 240.0}
    return {**good, **(top or {}), "frames": [{"file_path": "a.jpg", "transform_matrix": IDENTITY, **frame}]}


def test_axes_by_hand(tmp_path: Path) -> None:
    """The identity in OpenGL axes looks along the world's -z with +y up: what is up there is up in the picture."""
    cameras = read_transforms(write_json(tmp_path / "t.json", file_with())).cameras
    pixels, depth = project_with(cameras, 0, np.array([[0.2, 0.1, -2.0]]))
    assert np.allclose(pixels, [[320 + 500 * 0.1, 240 - 510 * 0.05]], rtol=0, atol=1e-5)
    assert np.allclose(depth, 2)


def test_position_is_the_last_column(tmp_path: Path) -> None:
    """The camera stands where the last column of the matrix says, and it is written there again."""
    matrix = [[0, 0, -1, 1.5], [1, 0, 0, -2], [0, -1, 0, 0.25], [0, 0, 0, 1]]
    file = read_transforms(write_json(tmp_path / "t.json", file_with(transform_matrix=matrix)))
    assert np.allclose(file.cameras.centers, [[1.5, -2, 0.25]], rtol=0, atol=1e-6)
    write_transforms(tmp_path / "again.json", file)
    again = json.loads((tmp_path / "again.json").read_text("utf-8"))
    assert np.allclose(again["frames"][0]["transform_matrix"], matrix, rtol=0, atol=1e-7)


def test_everything_comes_back(tmp_path: Path) -> None:
    """Paths, timestamps, the applied transform and what is known of the scale survive the round trip."""
    file = TransformsFile(
        cameras=make_cameras(3),
        image_paths=("b.jpg", "a.jpg", "ü/c.jpg"),
        timestamps_s=np.array([0.0, 0.1, 1 / 3]),
        applied_transform=np.arange(12).reshape(3, 4).astype(np.float32) / 7,
        scale="metric",
    )
    write_transforms(tmp_path / "t.json", file)
    back = read_transforms(tmp_path / "t.json")
    assert back.image_paths == file.image_paths
    assert back.scale == "metric"
    assert read_transforms(write_json(tmp_path / "ngp.json", file_with() | {"scale": 0.33})).scale is None
    np.testing.assert_array_equal(back.timestamps_s, file.timestamps_s)
    np.testing.assert_array_equal(back.applied_transform, file.applied_transform)


@pytest.mark.parametrize("shared", [True, False])
def test_shared_lens_is_written_once(tmp_path: Path, *, shared: bool) -> None:
    """One lens for all stands at the top of the file, several stand with their frames."""
    write_transforms(
        tmp_path / "t.json",
        TransformsFile(cameras=make_cameras(2, shared=shared), image_paths=("a", "b")),
    )
    content = json.loads((tmp_path / "t.json").read_text("utf-8"))
    assert ("fl_x" in content) == shared
    assert ["fl_x" in frame for frame in content["frames"]] == [not shared] * 2
    assert content["camera_model"] == "OPENCV"


def test_frame_overrides_top(tmp_path: Path) -> None:
    """A value given with a frame counts more than the one at the top."""
    file = read_transforms(write_json(tmp_path / "t.json", file_with(fl_x=450.0, k1=0.01)))
    assert file.cameras.intrinsics.tolist() == [[450, 510, 320, 240]]
    assert np.allclose(file.cameras.distortion, [[0.01, 0, 0, 0]])


def test_missing_intrinsics_have_their_custom(tmp_path: Path) -> None:
    """Without cx, cy and fl_y the principal point is the middle and pixels are square; a size may be 640.0."""
    content = {"w": 640.0, "h": 480.0, "fl_x": 500, "frames": file_with()["frames"]}
    cameras = read_transforms(write_json(tmp_path / "t.json", content)).cameras
    assert cameras.intrinsics.tolist() == [[500, 500, 320, 240]]
    assert (cameras.width, cameras.height, cameras.model) == (640, 480, "pinhole")


def test_field_of_view_instead_of_a_focal_length(tmp_path: Path) -> None:
    """instant-ngp's camera_angle_x is the horizontal field of view in radians."""
    content = {"w": 640, "h": 480, "camera_angle_x": np.pi / 2, "frames": file_with()["frames"]}
    cameras = read_transforms(write_json(tmp_path / "t.json", content)).cameras
    assert np.allclose(cameras.intrinsics, [[320, 320, 320, 240]], rtol=0, atol=1e-4)


def test_zero_distortion_is_a_pinhole(tmp_path: Path) -> None:
    """A file that says OPENCV and means no distortion gives cameras that an engine takes."""
    content = file_with({"camera_model": "OPENCV", "k1": 0, "k2": 0.0, "p1": 0, "p2": 0, "k3": 0})
    assert read_transforms(write_json(tmp_path / "t.json", content)).cameras.pinhole(0).fx == 500


@pytest.mark.parametrize("key", ["timestamp_s", "timestamp"])
def test_timestamps_of_all_frames_or_none(tmp_path: Path, key: str) -> None:
    """Timestamps are read under both names; when a frame has none, there are none."""
    content = file_with(**{key: 1.5})
    stamps = read_transforms(write_json(tmp_path / "t.json", content)).timestamps_s
    assert stamps is not None
    assert stamps.tolist() == [1.5]
    content["frames"].append(file_with()["frames"][0])
    assert read_transforms(write_json(tmp_path / "t.json", content)).timestamps_s is None


def test_three_rows_and_printed_digits_are_enough(tmp_path: Path) -> None:
    """A matrix of three rows with four digits is read as the nearest rotation."""
    exact = make_cameras(1).cam_from_world[0].astype(np.float64)
    world_from_cam = np.linalg.inv(exact) @ np.diag([1, -1, -1, 1])
    content = file_with(transform_matrix=np.round(world_from_cam[:3], 4).tolist())
    found = (
        read_transforms(write_json(tmp_path / "t.json", content)).cameras.cam_from_world[0].astype(np.float64)
    )
    assert np.allclose(found, exact, rtol=0, atol=1e-3)
    assert np.allclose(found[:3, :3] @ found[:3, :3].T, np.eye(3), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "has no JSON object as the file"),
        ({}, "has no list 'frames'"),
        ({"frames": []}, "has no list 'frames', or an empty one"),
        ({"frames": {}}, "has no list 'frames'"),
        ({"frames": [3]}, "has no JSON object as frame 0"),
        (file_with({"w": None}), "has None as 'w' of frame 0, expected a number"),
        (file_with({"w": 640.5}), "has 640.5 as 'w' of frame 0, expected a size in pixels"),
        (file_with({"h": 0}), "expected a size in pixels"),
        (file_with({"fl_x": "500"}), "has '500' as 'fl_x' of frame 0, expected a number"),
        (file_with({"fl_x": -500.0}), "expected a focal length in pixels above 0"),
        (file_with({"fl_x": True}), "expected a number"),
        (file_with({"cx": float("nan")}), "expected a finite number"),
        (file_with({"cx": 1e300}), "expected a finite number"),
        (file_with({"cx": 10**400}), "expected a finite number"),
        (file_with(file_path=5), "has 5 as 'file_path' of frame 0, expected a text"),
        (file_with(transform_matrix=None), "expected a matrix of 4×4"),
        (file_with(transform_matrix=[[1, 2], [3]]), "expected a matrix of 4×4 numbers"),
        (file_with(transform_matrix=[["a"] * 4] * 4), "expected a matrix of 4×4 numbers"),
        (file_with(transform_matrix=[[float("inf")] * 4] * 4), "finite numbers"),
        (file_with(transform_matrix=np.eye(3).tolist()), "expected a matrix of 4×4"),
        (
            file_with(transform_matrix=np.diag([2.0, 2, 2, 1]).tolist()),
            "expected a rotation and a translation",
        ),
        (
            file_with(transform_matrix=np.diag([1.0, 1, -1, 1]).tolist()),
            "expected a rotation and a translation",
        ),
        (file_with({"applied_transform": [1]}), "'applied_transform' of the file"),
        (file_with({"camera_model": "OPENCV_FISHEYE"}), "has a lens that cannot be read"),
        (file_with({"k3": 0.1}), "has a lens that cannot be read"),
        (file_with({"is_fisheye": True}), "has a lens that cannot be read"),
        (
            {**file_with(), "frames": [*file_with()["frames"], *file_with(w=320)["frames"]]},
            "mixes images of several sizes",
        ),
    ],
)
def test_mistakes_are_named(tmp_path: Path, content: object, sentence: str) -> None:
    """Each mistake is named with the file, the frame and the key."""
    with pytest.raises(InvalidFileError, match=sentence) as caught:
        read_transforms(write_json(tmp_path / "wrong.json", content))
    assert "wrong.json" in caught.value.message


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, text: bytes) -> None:
    """Text that is no JSON is refused, however deep it nests."""
    (tmp_path / "t.json").write_bytes(text)
    with pytest.raises(InvalidFileError, match="is not JSON"):
        read_transforms(tmp_path / "t.json")


def test_masks_come_back(tmp_path: Path) -> None:
    """A frame's mask is named beside its picture, the others' is not; a file without masks has none."""
    for masks in (("masks/a.png", None), ()):
        file = TransformsFile(cameras=make_cameras(2), image_paths=("a", "b"), mask_paths=masks)
        write_transforms(tmp_path / "t.json", file)
        assert read_transforms(tmp_path / "t.json").mask_paths == masks


def test_parts_must_match() -> None:
    """Paths and timestamps of another number than the cameras are refused where the value is made."""
    with pytest.raises(ValueError, match="2 cameras, 1 image paths"):
        TransformsFile(cameras=make_cameras(2), image_paths=("a",))
    with pytest.raises(ValueError, match="1 timestamps"):
        TransformsFile(cameras=make_cameras(2), image_paths=("a", "b"), timestamps_s=np.zeros(1))
