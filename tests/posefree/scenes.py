"""A film of the textured corner of ``tests/sfm/scenes.py`` with exact cameras, some of its frames hidden."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from roomsplat.core.cameras import Cameras
from roomsplat.core.images import Frame, PosedImages
from roomsplat.core.point_cloud import PointCloud, SparseModel
from roomsplat.core.progress import RunWarning
from roomsplat.core.projection import pixel_rays
from roomsplat.core.transforms import RigidTransform
from roomsplat.media.images import write_image
from roomsplat.posefree.config import PosefreeConfig
from roomsplat.sfm.manifest import SfmResult
from roomsplat.sfm.quality import SfmQuality
from tests.sfm.scenes import LENS, Wall, corner, draw, look_at, walk

Double = NDArray[np.float64]

PINHOLE = replace(LENS, k=0.0)
COUNT = 15
HIDDEN = (4, 9, 10)
"""A fifth of the film, two of them in a row."""
PANNED, PAN_DEG = 3, 16.0
"""Frames of the pan, and what each turns; the picture is 56 degrees wide."""
STRANGER, WALL, BLANK = 15, 16, 17
"""Frames that must not be placed: another room, the same room's wall from very near, an even wall."""
CONFIG = PosefreeConfig(
    max_side=200, feature_side=320, scene_steps=250, max_gaussians=6000, neighbours=6, similar=2
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenFilm:
    """What is known of the film, and what is not."""

    frames: tuple[Frame, ...]
    """All, the three that must not be placed at the end."""
    sfm: SfmResult
    """Of the frames that are not hidden, with exact cameras."""
    truth: Cameras
    """Of the frames of the walk."""

    @property
    def path_length(self) -> float:
        """Of the whole walk."""
        return float(np.linalg.norm(np.diff(self.truth.centers, axis=0), axis=1).sum())


def hidden_film(folder: Path) -> HiddenFilm:
    """Fifteen frames of a walk, twelve of them with their cameras, and three strangers."""
    walls, poses = soft_corner(), walk(COUNT)
    near = look_at(np.array([0.5, 2.9, 1.2]), np.array([0.5, 3.0, 1.2]))
    grain = np.random.default_rng(0).normal(140, 3, (PINHOLE.height, PINHOLE.width, 3))
    strangers = [draw(soft_corner(9), poses[8], PINHOLE), draw(walls, near, PINHOLE), grain.astype(np.uint8)]
    return _film(folder, poses, HIDDEN, strangers)


def panned_film(folder: Path) -> HiddenFilm:
    """Eight frames of the walk, then three, all lost, that turn away on the spot by most of a picture."""
    poses = walk(COUNT)[COUNT - 8 :]
    for _ in range(PANNED):
        poses = np.concatenate([poses, [turned(poses[-1], -PAN_DEG)]])
    return _film(folder, poses, tuple(range(8, 8 + PANNED)), [])


def turned(cam_from_world: Double, degrees: float) -> Double:
    """The camera turned to its right by ``degrees`` in its place; to its left below 0."""
    turn = RigidTransform.exp(np.array([0, -np.radians(degrees), 0, 0, 0, 0])).matrix
    return turn @ cam_from_world


def _film(
    folder: Path, poses: Double, hidden: tuple[int, ...], strangers: list[NDArray[np.uint8]]
) -> HiddenFilm:
    walls, count = soft_corner(), len(poses)
    frames = list[Frame]()
    for number, picture in enumerate([*(draw(walls, pose, PINHOLE) for pose in poses), *strangers]):
        path = folder / f"{number:06d}.png"
        write_image(path, picture)
        time_s = number / 2 if number < count else 4.2
        frames.append(Frame(index=number, timestamp_s=time_s, name=path.name, path=path, sharpness=1.0))
    known, truth = [number for number in range(count) if number not in hidden], cameras_at(poses)
    model = SparseModel(
        posed_images=PosedImages(
            cameras=truth[np.array(known)],
            image_paths=tuple(frames[number].path for number in known),
            mask_paths=(None,) * len(known),
            is_eval=np.zeros(len(known), np.bool_),
        ),
        points=_points(walls, truth, known),
        scale="arbitrary",
        num_input_images=len(frames),
    )
    lost = RunWarning(code="frames_not_registered", message="Some frames could not be placed.")
    found = SfmResult(
        model=model,
        quality=_quality(len(known), len(frames)),
        frames=tuple(frames[number] for number in known),
        warnings=(lost,),
    )
    return HiddenFilm(frames=tuple(frames), sfm=found, truth=truth)


def _quality(known: int, count: int) -> SfmQuality:
    return SfmQuality(
        num_input=count,
        num_registered=known,
        num_turned=0,
        num_points=2000,
        reprojection_error_px=0.0,
        track_length=3.0,
        parallax_deg=10.0,
        focal_ratio=PINHOLE.focal / PINHOLE.width,
        distortion=0.0,
        support=1.0,
        path_length=1.0,
        jumps=(),
    )


def soft_corner(seed: int = 0) -> list[Wall]:
    """Painted more softly than the corner that only features have to be found in: a brief scene can show it."""
    return [replace(wall, texture=_stretched(gaussian_filter(wall.texture, 3.0))) for wall in corner(seed)]


def _stretched(texture: Double) -> Double:
    return np.clip(128 + 50 * (texture - texture.mean()) / texture.std(), 5, 250)


def cameras_at(poses: Double) -> Cameras:
    """The pinhole at (c, 4, 4) places."""
    intrinsics = np.tile([PINHOLE.focal, PINHOLE.focal, PINHOLE.cx, PINHOLE.cy], (len(poses), 1))
    return Cameras(
        intrinsics=intrinsics.astype(np.float32),
        cam_from_world=poses.astype(np.float32),
        width=PINHOLE.width,
        height=PINHOLE.height,
    )


def _points(walls: list[Wall], truth: Cameras, known: list[int]) -> PointCloud:
    """Exact points under pixels of the known frames, grey."""
    random = np.random.default_rng(0)
    positions = list[Double]()
    for number in known:
        origin, directions = pixel_rays(truth.pinhole(number))
        rays = directions.reshape(-1, 3)[random.choice(PINHOLE.width * PINHOLE.height, 200)]
        distance = np.full(len(rays), np.inf)
        for wall in walls:
            reach = (wall.offset - origin @ wall.normal) / (rays @ wall.normal)
            distance = np.where((reach > 0) & (reach < distance), reach, distance)
        positions.append((origin + rays * distance[:, None])[distance < 20])
    places = np.concatenate(positions).astype(np.float32)
    return PointCloud(
        positions=places,
        colors=np.full(places.shape, 128, np.uint8),
        errors=np.zeros(len(places), np.float32),
        track_lengths=np.full(len(places), 3, np.int32),
    )
