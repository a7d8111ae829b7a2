"""One suite over every splat format and every camera format: what is written comes back, and failure is kind."""

import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roomsplat.core.cameras import CameraModel, Cameras
from roomsplat.core.projection import project_with
from roomsplat.errors import InputNotFoundError, OutputError, RoomsplatError
from roomsplat.formats.colmap import ColmapModel, read_colmap, write_colmap
from roomsplat.formats.nerfstudio import TransformsFile, read_transforms, write_transforms
from roomsplat.formats.scene_files import SCENE_SUFFIXES, read_scene, write_scene
from tests.contracts.losses import LOSSES, Loss, assert_within, tame_scene
from tests.formats.samples import assert_same_gaussians, make_cameras, make_points, make_scene

NAMES = tuple(f"images/frame {i:03d} ä.jpg" for i in range(4))
EXACT = (".ply",)
"""Splat formats that hold every bit of a scene and say what they are; the others have their losses in a law below."""
FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFormat:
    """How a suite writes and reads cameras in one format."""

    name: str
    """What is written: a file, or a folder."""
    write: Callable[[Path, Cameras], None]
    read: Callable[[Path], tuple[Cameras, tuple[str, ...]]]


def _write_colmap(path: Path, cameras: Cameras) -> None:
    write_colmap(path, ColmapModel(cameras=cameras, image_names=NAMES, points=make_points()))


def _read_colmap(path: Path) -> tuple[Cameras, tuple[str, ...]]:
    model = read_colmap(path)
    return model.cameras, model.image_names


def _write_nerfstudio(path: Path, cameras: Cameras) -> None:
    write_transforms(path, TransformsFile(cameras=cameras, image_paths=NAMES))


def _read_nerfstudio(path: Path) -> tuple[Cameras, tuple[str, ...]]:
    file = read_transforms(path)
    return file.cameras, file.image_paths


CAMERA_FORMATS = {
    "colmap": CameraFormat(name="sparse", write=_write_colmap, read=_read_colmap),
    "nerfstudio": CameraFormat(name="transforms.json", write=_write_nerfstudio, read=_read_nerfstudio),
}


@pytest.fixture(params=SCENE_SUFFIXES)
def scene_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A path for a scene of every splat format."""
    return tmp_path / f"scene{request.param}"


@pytest.fixture(params=EXACT)
def exact_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A path for a scene of every splat format that loses nothing."""
    return tmp_path / f"scene{request.param}"


@pytest.fixture(params=CAMERA_FORMATS)
def camera_format(request: pytest.FixtureRequest) -> CameraFormat:
    """Every camera format."""
    return CAMERA_FORMATS[request.param]


def loss_of(path: Path) -> Loss:
    """What the format of ``path`` may change."""
    return next(loss for suffix, loss in LOSSES.items() if path.name == f"scene{suffix}")


def files_of(path: Path) -> list[Path]:
    """The files that were written under ``path``."""
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


@contextmanager
def full_disk() -> Generator[None]:
    """Let no file grow past 100 bytes: writing then fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def read_or_refuse(read: Callable[[Path], Any], path: Path) -> None:
    """Read a damaged file: a value or one of our sentences may come of it, nothing else."""
    refusals: list[RoomsplatError] = []
    try:
        read(path)
    except RoomsplatError as error:
        refusals.append(error)
    for refusal in refusals:
        assert refusal.message.endswith(".")
        assert refusal.hint.endswith(".")
        assert "\n" not in refusal.message


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 5000])
def test_scene_round_trip(exact_path: Path, degree: int, count: int) -> None:
    """A scene of any degree and size comes back bit for bit, with everything that is said about it."""
    scene = make_scene(count, degree)
    write_scene(exact_path, scene)
    back = read_scene(exact_path)
    assert_same_gaussians(back.gaussians, scene.gaussians)
    assert (back.splat_model, back.scale, back.provenance) == (
        scene.splat_model,
        scene.scale,
        scene.provenance,
    )


@pytest.mark.parametrize("degree", [0, 2, 3])
@pytest.mark.parametrize("count", [1, 300, 5000])
def test_no_format_loses_more_than_it_says(scene_path: Path, degree: int, count: int) -> None:
    """Every Gaussian comes back changed by no more than the format's docstring allows, with what is said about it."""
    scene, loss = tame_scene(count, degree), loss_of(scene_path)
    write_scene(scene_path, scene)
    back = read_scene(scene_path)
    assert_within(back.gaussians, scene.gaussians, loss)
    for what in ("splat_model", "scale", "provenance"):
        default = {"splat_model": "default", "scale": "arbitrary", "provenance": {}}[what]
        assert getattr(back, what) == (getattr(scene, what) if what in loss.keeps else default), what


@pytest.mark.parametrize("degree", [0, 3])
def test_nothing_comes_back_as_nothing(scene_path: Path, degree: int) -> None:
    """A scene without Gaussians is written and read, or it is refused before there is a file or while reading it."""
    scene, refused = tame_scene(0, degree), not loss_of(scene_path).empty
    with pytest.raises((ValueError, RoomsplatError)) if refused else nullcontext():
        write_scene(scene_path, scene)
        assert len(read_scene(scene_path).gaussians) == 0


def test_what_is_not_finite_is_written_nowhere(scene_path: Path) -> None:
    """What no reader could draw is a bug of the caller's, in every format, and leaves no file."""
    for field in ("means", "quats", "log_scales", "opacity_logits", "sh"):
        scene = make_scene(4)
        getattr(scene.gaussians, field)[1] = np.nan
        with pytest.raises(ValueError, match="not finite"):
            write_scene(scene_path, scene)
    assert not scene_path.exists()


def test_same_scene_same_bytes(scene_path: Path) -> None:
    """Writing a scene twice gives the same file."""
    write_scene(scene_path, make_scene())
    first = scene_path.read_bytes()
    write_scene(scene_path, make_scene())
    assert scene_path.read_bytes() == first


def test_what_was_read_is_written_again(exact_path: Path) -> None:
    """Writing what was read gives the same file."""
    write_scene(exact_path, make_scene())
    first = exact_path.read_bytes()
    write_scene(exact_path, read_scene(exact_path))
    assert exact_path.read_bytes() == first


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("model", ["pinhole", "opencv"])
def test_camera_round_trip(
    camera_format: CameraFormat, tmp_path: Path, model: CameraModel, *, shared: bool
) -> None:
    """Lenses come back bit for bit, names in order, and every point is seen at the same pixel to 1/1000."""
    cameras = make_cameras(model=model, shared=shared)
    camera_format.write(tmp_path / camera_format.name, cameras)
    back, names = camera_format.read(tmp_path / camera_format.name)
    assert names == NAMES
    assert (back.model, back.width, back.height) == (model, 640, 480)
    np.testing.assert_array_equal(back.intrinsics, cameras.intrinsics)
    np.testing.assert_array_equal(back.distortion, cameras.distortion)
    points = np.random.default_rng(1).normal(scale=0.5, size=(50, 3))
    for index in range(len(cameras)):
        pixels, depth = project_with(cameras, index, points)
        again, depth_again = project_with(back, index, points)
        assert np.allclose(again, pixels, rtol=0, atol=1e-3)
        assert np.allclose(depth_again, depth, rtol=0, atol=1e-5)


def test_reading_nothing(scene_path: Path, camera_format: CameraFormat, tmp_path: Path) -> None:
    """A path that does not exist is named."""
    for read, path in ((read_scene, scene_path), (camera_format.read, tmp_path / camera_format.name)):
        with pytest.raises(InputNotFoundError, match=path.name):
            read(path)


def test_writing_nowhere(scene_path: Path, camera_format: CameraFormat, tmp_path: Path) -> None:
    """A place where nothing can be written ends in a sentence: a file stands where the folder should be."""
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(OutputError, match="could not be written"):
        write_scene(tmp_path / "folder" / scene_path.name, make_scene())
    with pytest.raises(OutputError, match="could not be written"):
        camera_format.write(tmp_path / "folder" / camera_format.name, make_cameras())


def test_full_disk_keeps_the_old_file(scene_path: Path, camera_format: CameraFormat, tmp_path: Path) -> None:
    """When space runs out, the sentence says so, older files stay as they were and no remains are left."""
    cameras_path = tmp_path / camera_format.name
    write_scene(scene_path, make_scene(3))
    camera_format.write(cameras_path, make_cameras(seed=1))
    before = {path: path.read_bytes() for path in files_of(tmp_path)}
    with full_disk():
        with pytest.raises(OutputError, match="could not be written"):
            write_scene(scene_path, make_scene(5000))
        with pytest.raises(OutputError, match="could not be written"):
            camera_format.write(cameras_path, make_cameras(seed=2))
    assert {path: path.read_bytes() for path in files_of(tmp_path)} == before


def test_cut_scene_is_refused(scene_path: Path) -> None:
    """A scene file that ends anywhere before its end is refused, never read as a smaller scene.

    A .splat has no header: between two Gaussians nobody can know.
    """
    write_scene(scene_path, make_scene(2, 0))
    whole = scene_path.read_bytes()
    unknowable = {32} if scene_path.suffix == ".splat" else set[int]()
    places = {*range(0, len(whole), max(1, len(whole) // 500)), *range(len(whole) - 50, len(whole))}
    for length in places - unknowable:
        scene_path.write_bytes(whole[:length])
        with pytest.raises(RoomsplatError, match=scene_path.name):
            read_scene(scene_path)


def test_cut_cameras_are_refused(camera_format: CameraFormat, tmp_path: Path) -> None:
    """A camera file that ends anywhere before its end is refused."""
    path = tmp_path / camera_format.name
    camera_format.write(path, make_cameras())
    for file in files_of(path):
        whole = file.read_bytes()
        for length in range(0, len(whole), 3):
            file.write_bytes(whole[:length])
            with pytest.raises(RoomsplatError, match=file.name):
                camera_format.read(path)
        file.write_bytes(whole)


damage = st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6)


def damaged(whole: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    """``whole`` with some bytes overwritten, and with others inserted (odd places)."""
    for place, new in changes:
        at = place % (len(whole) + 1)
        whole = whole[:at] + new + whole[at + (0 if place % 2 else len(new)) :]
    return whole


@FUZZ
@given(changes=damage)
def test_damaged_scene_is_read_or_refused(scene_path: Path, changes: list[tuple[int, bytes]]) -> None:
    """Whatever bytes change in a scene file, it is read or refused with a sentence; nothing crashes or warns."""
    write_scene(scene_path, make_scene(3, 1))
    scene_path.write_bytes(damaged(scene_path.read_bytes(), changes))
    read_or_refuse(read_scene, scene_path)


@FUZZ
@given(changes=damage, which=st.integers(0, 9))
def test_damaged_cameras_are_read_or_refused(
    camera_format: CameraFormat, tmp_path: Path, changes: list[tuple[int, bytes]], which: int
) -> None:
    """Whatever bytes change in a camera file, it is read or refused with a sentence; nothing crashes or warns."""
    path = tmp_path / camera_format.name
    camera_format.write(path, make_cameras())
    file = files_of(path)[which % len(files_of(path))]
    file.write_bytes(damaged(file.read_bytes(), changes))
    read_or_refuse(camera_format.read, path)


@FUZZ
@given(content=st.binary(max_size=300))
def test_noise_is_refused(
    scene_path: Path, camera_format: CameraFormat, tmp_path: Path, content: bytes
) -> None:
    """Random bytes under the right name are refused with a sentence.

    A .splat has no header: any 32 bytes may be a Gaussian.
    """
    scene_path.write_bytes(content)
    if scene_path.suffix != ".splat" or len(content) % 32:
        with pytest.raises(RoomsplatError, match=scene_path.name):
            read_scene(scene_path)
    read_or_refuse(read_scene, scene_path)
    path = tmp_path / camera_format.name
    camera_format.write(path, make_cameras())
    files_of(path)[0].write_bytes(content)
    with pytest.raises(RoomsplatError, match=files_of(path)[0].name):
        camera_format.read(path)
