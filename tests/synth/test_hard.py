"""Laws of the hard films: their truth is exact, they are the same at every rendering, and rooms one can walk in."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.errors import InvalidSettingError, OutputError
from roomsplat.media.images import read_image
from roomsplat.synth.bake import BakedRoom
from roomsplat.synth.film import Film, bake_for
from roomsplat.synth.hard import HARD_SHOTS, Shot, hard_shot, shoot
from roomsplat.synth.house import DEPTH, ORDER, THICKNESS, WIDTH
from roomsplat.synth.packing import light_maps, pack_mesh, pack_surfaces
from roomsplat.synth.trace import encode_srgb, render_depth, render_light

FIVE = [name for name in HARD_SHOTS if name != "house"]
MAX_TURN = {"fast_turn": 200.0, "house": 60.0}
"""Degrees a second; of the others 75."""


@cache
def shot_of(name: str) -> Shot:
    """A film."""
    return hard_shot(name)


@cache
def unlit(name: str) -> BakedRoom:
    """The geometry of a film's room, without the light that depth does not need."""
    patches = shot_of(name).design().patches
    surfaces, _ = pack_surfaces(patches, 1.0, light_maps(patches, 1.0))
    return BakedRoom(mesh=pack_mesh(patches, shadow=False), surfaces=surfaces, atlas=np.zeros(1, np.uint64))


def tiny(name: str, count: int) -> Shot:
    """The first frames of a film, very small."""
    return shot_of(name).part(slice(count)).smaller(128, 96)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Film]:
    """Three frames of the bare room."""
    folder = tmp_path_factory.mktemp("bare")
    return folder, shoot(tiny("bare_walls", 3), folder)


@pytest.mark.parametrize("name", FIVE)
def test_films_are_of_the_promised_size(name: str) -> None:
    """60 to 240 frames of 640 × 480, each with a camera, a time and a gain that clips nothing."""
    shot = shot_of(name)
    assert 60 <= len(shot.times) <= 240
    assert (shot.config.width, shot.config.height) == (640, 480)
    assert len(shot.cameras) == len(shot.gains) == len(shot.times)
    assert (shot.gains > 0.2).all()
    assert (shot.gains <= 2).all()


def test_the_house_is_long_and_goes_through_every_room() -> None:
    """2,400 frames, at least 200 of them in each of the eight rooms, and the end is within a metre of the start."""
    cameras = shot_of("house").cameras
    assert len(cameras) == 2400
    cells = np.floor(cameras.centers[:, :2] / (WIDTH + THICKNESS, DEPTH + THICKNESS)).astype(int)
    assert set(map(tuple, cells.tolist())) == set(ORDER)
    assert min((cells == cell).all(axis=1).sum() for cell in ORDER) > 200
    assert np.linalg.norm(cameras.centers[-1] - cameras.centers[0]) < 1


@pytest.mark.parametrize("name", HARD_SHOTS)
def test_a_person_could_have_filmed_it(name: str) -> None:
    """At 100 frames a second nothing jumps: nobody runs, and only the fast turn is one."""
    shot = shot_of(name)
    poses = shot.poses_at(np.arange(0, shot.times[-1], 0.01))
    centers = -np.einsum("nji,nj->ni", poses[:, :3, :3], poses[:, :3, 3])
    assert (np.linalg.norm(np.diff(centers, axis=0), axis=1) * 100).max() < 1.5
    cosine = (np.einsum("nij,nij->n", poses[1:, :3, :3], poses[:-1, :3, :3]) - 1) / 2
    turning = np.degrees(np.arccos(np.clip(cosine, -1, 1))) * 100
    assert turning.max() < MAX_TURN.get(name, 75.0)
    assert (turning.max() > 120) == (name == "fast_turn")


@pytest.mark.parametrize("name", HARD_SHOTS)
def test_rooms_are_closed_and_the_camera_touches_nothing(name: str) -> None:
    """Every pixel of frames all along the film sees something, and nothing is nearer than 25 cm."""
    shot = shot_of(name).smaller(64, 48)
    room, cameras = unlit(name), shot.cameras
    for index in np.linspace(0, len(cameras) - 1, 24).astype(int):
        depth = render_depth(room, cameras.pinhole(int(index)))
        assert depth.min() > 0.25


@pytest.mark.parametrize("name", HARD_SHOTS)
def test_truth_reprojects(name: str) -> None:
    """A pixel moved by its depth from one camera into the next is as deep there as that one sees, where not hidden."""
    shot = shot_of(name).smaller(96, 72)
    room, cameras = unlit(name), shot.cameras
    for index in (0, len(cameras) // 3, 2 * len(cameras) // 3):
        camera, other = cameras.pinhole(index), cameras.pinhole(index + 1)
        y, x = np.mgrid[0:72, 0:96]
        rays = np.stack(
            [(x + 0.5 - camera.cx) / camera.fx, (y + 0.5 - camera.cy) / camera.fy, np.ones(x.shape)], -1
        )
        local = rays * render_depth(room, camera)[..., None]
        to_other = other.cam_from_world.astype(np.float64) @ np.linalg.inv(
            camera.cam_from_world.astype(np.float64)
        )
        moved = local @ to_other[:3, :3].T + to_other[:3, 3]
        column = np.floor(moved[..., 0] / moved[..., 2] * other.fx + other.cx).astype(int)
        row = np.floor(moved[..., 1] / moved[..., 2] * other.fy + other.cy).astype(int)
        inside = (moved[..., 2] > 0.1) & (column >= 0) & (column < 96) & (row >= 0) & (row < 72)
        assert inside.mean() > 0.5
        there = render_depth(room, other)[row[inside], column[inside]]
        same = np.abs(there - moved[..., 2][inside]) < 0.04 * moved[..., 2][inside]
        assert same.mean() > 0.85


def test_pictures_show_what_the_cameras_see(bare: tuple[Path, Film]) -> None:
    """Rendering from the truth that is given back gives the pictures, but for noise and JPEG; another does not."""
    folder, truth = bare
    shot = tiny("bare_walls", 3)
    np.testing.assert_array_equal(
        truth.cameras.cam_from_world, shot_of("bare_walls").cameras.cam_from_world[:3]
    )
    baked = bake_for(shot.design(), shot.config)
    for i, path in enumerate(sorted(folder.iterdir())):
        seen = read_image(path).astype(np.float64) / 255
        own, other = (
            np.abs(seen - encode_srgb(render_light(baked, truth.cameras.pinhole(k)))).mean()
            for k in (i, (i + 1) % 3)
        )
        assert own < 0.012
        assert own < 0.5 * other


def test_the_same_film_twice(bare: tuple[Path, Film], tmp_path: Path) -> None:
    """Two renderings are the same files."""
    shoot(tiny("bare_walls", 3), tmp_path)
    names = sorted(path.name for path in bare[0].iterdir())
    assert names == ["0000.jpg", "0001.jpg", "0002.jpg"]
    for name in names:
        assert (tmp_path / name).read_bytes() == (bare[0] / name).read_bytes()


def test_a_jump_of_exposure_is_a_jump_and_blur_is_blur() -> None:
    """Gains of neighbouring frames differ by a stop and more, often; only the fast turn has an open shutter."""
    gains = shot_of("exposure_jumps").gains
    steps: NDArray[np.float64] = np.abs(np.diff(np.log2(gains)))
    assert (steps > 1).sum() >= 10
    assert {name for name in HARD_SHOTS if shot_of(name).config.motion_blur > 0} == {"fast_turn"}


def test_what_cannot_be_filmed_is_told(tmp_path: Path) -> None:
    """An unknown name lists the known ones; a folder that does not exist ends in a sentence."""
    with pytest.raises(InvalidSettingError) as caught:
        hard_shot("cellar")
    assert "bare_walls" in caught.value.hint
    with pytest.raises(OutputError, match="nowhere"):
        shoot(tiny("bare_walls", 1), tmp_path / "nowhere")
