"""COLMAP models: pycolmap reads what we write, and we read what pycolmap writes."""

import shutil
import struct
import zlib  # noqa: F401 - before pycolmap, whose bundled copy of zlib must not be the first in the process
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from numpy.typing import NDArray

from roomsplat.core.cameras import CameraModel
from roomsplat.core.projection import project_with
from roomsplat.core.rotations import quat_from_matrix
from roomsplat.errors import InputNotFoundError, InvalidFileError
from roomsplat.formats.colmap import ColmapModel, read_colmap, write_colmap
from tests.formats.samples import make_cameras, make_points

NAMES = ("a/0.jpg", "a/1.jpg", "b.jpg", "c ö.jpg")
POINTS = np.random.default_rng(0).normal(scale=0.5, size=(6, 3))


def make_model(model: CameraModel = "opencv", *, shared: bool = False) -> ColmapModel:
    """Four images, six points."""
    return ColmapModel(
        cameras=make_cameras(model=model, shared=shared), image_names=NAMES, points=make_points()
    )


def peer_model(name: str, params: list[float], *, points: int = 0) -> pycolmap.Reconstruction:
    """A model made by pycolmap: two images in reverse order of name, one lens."""
    made = pycolmap.Reconstruction()
    made.add_camera_with_trivial_rig(
        pycolmap.Camera(camera_id=7, model=name, width=640, height=480, params=np.array(params))
    )
    quats = quat_from_matrix(make_cameras().cam_from_world[:2, :3, :3].astype(np.float64))
    for i, image_name in enumerate(("late.jpg", "early.jpg")):
        w, x, y, z = quats[i]
        pose = pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([x, y, z, w])), np.array([0.1 * i, 0.2, 4.0]))
        image = pycolmap.Image(name=image_name, camera_id=7, image_id=11 + i)
        image.points2D = pycolmap.Point2DList([pycolmap.Point2D(np.array([5.0, 6.0])) for _ in range(points)])
        made.add_image_with_trivial_frame(image, pose)
    for k in range(points):
        track = pycolmap.Track([pycolmap.TrackElement(11, k), pycolmap.TrackElement(12, k)])
        number = made.add_point3D(POINTS[k], track, np.array([k, 100, 255], np.uint8))
        made.points3D[number].error = 0.25 * k
    return made


def peer_pixels(
    model: pycolmap.Reconstruction, name: str, points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where pycolmap's own projection puts points in the image of that name."""
    (image,) = (image for image in model.images.values() if image.name == name)
    pose, camera = image.cam_from_world(), model.cameras[image.camera_id]
    return np.array([camera.img_from_cam(pose * point) for point in points])


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("model", ["pinhole", "opencv"])
def test_pycolmap_reads_what_we_write(tmp_path: Path, model: CameraModel, *, shared: bool) -> None:
    """pycolmap opens our model, projects points to the same pixels, and finds our points and one lens per lens."""
    written = make_model(model, shared=shared)
    write_colmap(tmp_path, written)
    found = pycolmap.Reconstruction(str(tmp_path))
    assert found.num_reg_images() == 4
    assert len(found.cameras) == (1 if shared else 4)
    for index, name in enumerate(NAMES):
        pixels, _ = project_with(written.cameras, index, POINTS)
        assert np.allclose(peer_pixels(found, name, POINTS), pixels, rtol=0, atol=1e-3)
    points = [found.points3D[i] for i in sorted(found.points3D)]
    np.testing.assert_array_equal(np.array([p.xyz for p in points], np.float32), written.points.positions)
    np.testing.assert_array_equal(np.array([p.color for p in points]), written.points.colors)
    np.testing.assert_array_equal(np.array([p.error for p in points], np.float32), written.points.errors)


@pytest.mark.parametrize(
    ("name", "params", "model"),
    [
        ("SIMPLE_PINHOLE", [500, 320, 240], "pinhole"),
        ("PINHOLE", [500, 510, 320, 240], "pinhole"),
        ("SIMPLE_RADIAL", [500, 320, 240, 0.05], "opencv"),
        ("RADIAL", [500, 320, 240, 0.05, -0.02], "opencv"),
        ("OPENCV", [500, 510, 320, 240, 0.05, -0.02, 0.001, -0.002], "opencv"),
        ("OPENCV", [500, 510, 320, 240, 0, 0, 0, 0], "pinhole"),
    ],
)
def test_we_read_what_pycolmap_writes(tmp_path: Path, name: str, params: list[float], model: str) -> None:
    """Every lens model that we take projects as in pycolmap; images come by name; tracks are counted."""
    peer = peer_model(name, params, points=6)
    peer.write(str(tmp_path))
    assert (tmp_path / "frames.bin").exists(), "the layout of COLMAP 3.12 and later is what is tested"
    found = read_colmap(tmp_path)
    assert found.image_names == ("early.jpg", "late.jpg")
    assert found.cameras.model == model
    for index, image_name in enumerate(found.image_names):
        pixels, _ = project_with(found.cameras, index, POINTS)
        assert np.allclose(peer_pixels(peer, image_name, POINTS), pixels, rtol=0, atol=1e-3)
    assert np.allclose(found.points.positions, POINTS, rtol=0, atol=1e-6)
    assert found.points.track_lengths.tolist() == [2] * 6
    assert found.points.colors.tolist() == [[k, 100, 255] for k in range(6)]
    assert found.points.errors.tolist() == [0.25 * k for k in range(6)]


def test_a_model_from_before_rigs_is_read(tmp_path: Path) -> None:
    """COLMAP before 3.12 wrote no rigs.bin and frames.bin: they are not missed."""
    peer_model("PINHOLE", [500, 510, 320, 240]).write(str(tmp_path))
    (tmp_path / "rigs.bin").unlink()
    (tmp_path / "frames.bin").unlink()
    assert len(read_colmap(tmp_path).cameras) == 2


def test_an_older_model_in_the_folder_does_not_mix_in(tmp_path: Path) -> None:
    """Writing over a model with rigs leaves nothing of it that pycolmap would read."""
    peer_model("PINHOLE", [500, 510, 320, 240]).write(str(tmp_path))
    write_colmap(tmp_path, make_model())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cameras.bin", "images.bin", "points3D.bin"]
    assert sorted(i.name for i in pycolmap.Reconstruction(str(tmp_path)).images.values()) == sorted(NAMES)


def test_unknown_error_stays_unknown(tmp_path: Path) -> None:
    """A point without a reprojection error is -1 in the file and 0 with us."""
    peer = peer_model("PINHOLE", [500, 510, 320, 240])
    peer.add_point3D(POINTS[0], pycolmap.Track(), np.zeros(3, np.uint8))
    (tmp_path / "peer").mkdir()
    peer.write(str(tmp_path / "peer"))
    found = read_colmap(tmp_path / "peer")
    assert found.points.errors.tolist() == [0]
    write_colmap(tmp_path / "ours", found)
    (point,) = pycolmap.Reconstruction(str(tmp_path / "ours")).points3D.values()
    assert point.error == -1


def test_a_fisheye_lens_is_named(tmp_path: Path) -> None:
    """A lens model that we cannot hold is refused by its number, with the way out."""
    peer_model("OPENCV_FISHEYE", [500, 500, 320, 240, 0, 0, 0, 0]).write(str(tmp_path))
    with pytest.raises(
        InvalidFileError, match="lens model number 5, expected one of SIMPLE_PINHOLE"
    ) as caught:
        read_colmap(tmp_path)
    assert "Undistort" in caught.value.hint


def test_several_sizes_are_refused(tmp_path: Path) -> None:
    """Images of several sizes do not fit into one set of cameras."""
    peer = peer_model("PINHOLE", [500, 510, 320, 240])
    other = pycolmap.Camera(camera_id=8, model="PINHOLE", width=320, height=240, params=np.ones(4))
    peer.add_camera_with_trivial_rig(other)
    image = pycolmap.Image(name="small.jpg", camera_id=8, image_id=20)
    peer.add_image_with_trivial_frame(image, pycolmap.Rigid3d())
    peer.write(str(tmp_path))
    with pytest.raises(InvalidFileError, match="320×240, 640×480"):
        read_colmap(tmp_path)


def test_a_text_model_gets_its_hint(tmp_path: Path) -> None:
    """A text model is recognised and the converter named."""
    peer_model("PINHOLE", [500, 510, 320, 240]).write_text(str(tmp_path))
    with pytest.raises(
        InputNotFoundError, match=r"cameras\.bin, images\.bin, points3D\.bin is missing"
    ) as caught:
        read_colmap(tmp_path)
    assert "model_converter" in caught.value.hint


def test_files_of_different_models_are_noticed(tmp_path: Path) -> None:
    """An image whose lens is not in cameras.bin is named."""
    write_colmap(tmp_path, make_model())
    (tmp_path / "other").mkdir()
    peer_model("PINHOLE", [500, 510, 320, 240]).write(str(tmp_path / "other"))
    shutil.copy(tmp_path / "other" / "images.bin", tmp_path)
    with pytest.raises(
        InvalidFileError, match=r"'early\.jpg' belongs to camera 7, which cameras\.bin does not have"
    ):
        read_colmap(tmp_path)


def test_no_images(tmp_path: Path) -> None:
    """A model without images is refused."""
    write_colmap(tmp_path, make_model())
    (tmp_path / "images.bin").write_bytes(struct.pack("<Q", 0))
    with pytest.raises(InvalidFileError, match="holds no images"):
        read_colmap(tmp_path)


@pytest.mark.parametrize(
    ("file", "at", "value", "sentence"),
    [
        ("cameras.bin", 8 + 8, struct.pack("<Q", 0), "0×480 px"),
        ("cameras.bin", 8 + 24, struct.pack("<d", float("nan")), "the parameters"),
        ("images.bin", 8 + 4, struct.pack("<4d", 0, 0, 0, 0), "the pose of image 'a/0.jpg' is not a pose"),
        ("images.bin", 8 + 36, struct.pack("<d", float("inf")), "is not a pose"),
        ("points3D.bin", 8 + 8, struct.pack("<d", 1e300), "no finite position"),
        ("points3D.bin", 0, struct.pack("<Q", 5), "bytes follow its last record"),
        ("points3D.bin", 0, struct.pack("<Q", 2**60), "was cut off"),
    ],
)
def test_damage_is_named(tmp_path: Path, file: str, at: int, value: bytes, sentence: str) -> None:
    """A value that cannot be true is named together with its file."""
    write_colmap(tmp_path, make_model())
    content = bytearray((tmp_path / file).read_bytes())
    content[at : at + len(value)] = value
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InvalidFileError, match=sentence) as caught:
        read_colmap(tmp_path)
    assert file in caught.value.message


def test_a_name_with_a_zero_is_refused(tmp_path: Path) -> None:
    """A name that the file cannot hold is refused before anything is overwritten."""
    cameras = make_cameras(1)
    with pytest.raises(ValueError, match="zero character"):
        write_colmap(tmp_path, ColmapModel(cameras=cameras, image_names=("a\0b",), points=make_points()))


def test_names_and_cameras_must_match() -> None:
    """A model with more names than cameras is refused where it is made."""
    with pytest.raises(ValueError, match="1 cameras, 2 image names"):
        ColmapModel(cameras=make_cameras(1), image_names=("a", "b"), points=make_points())
