"""Plain pycolmap, which ``benchmarks poses`` puts beside ours.

COLMAP's defaults, except for what lets it end today: SIFT at our size and number (1280 px, 2,048), every pair of up to
80 frames, of more those up to 10, 16, 32 … frames apart (sequential, quadratic overlap); one shared SIMPLE_RADIAL
camera, as ours.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.poses_clock import clock, since
from roomsplat.capture.extract import load_capture
from roomsplat.core.progress import silent
from roomsplat.pipeline.config import for_quality
from roomsplat.sfm.manifest import IMAGES, SfmResult
from roomsplat.sfm.solution import Solution, widest_angles
from roomsplat.sfm.solve import finish

EXHAUSTIVE_UP_TO = 80
FEATURES, SIDE = 2048, 1280
MAPPERS = ("incremental", "global")


def _colmap() -> Any:
    # First zlib, whose symbols pycolmap's own would replace (see sfm/colmap.py).
    import zlib  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]

    import pycolmap  # noqa: PLC0415 - only here, and not where ours runs

    module: Any = pycolmap
    module.logging.minloglevel = 3
    return module


def database(work: Path, threads: int) -> dict[str, Any]:
    """Features and matches for both mappers, of the frames that ``capture`` left in ``work``."""
    colmap = _colmap()
    frames = load_capture(work / "capture").frames
    path, images = work / "plain.db", frames[0].path.parent
    extraction, matching = colmap.FeatureExtractionOptions(), colmap.FeatureMatchingOptions()
    for one in (extraction, matching):
        one.use_gpu, one.num_threads = False, threads
    extraction.max_image_size, extraction.sift.max_num_features = SIDE, FEATURES
    begun = clock()
    colmap.extract_features(
        path, images, image_names=[frame.path.name for frame in frames],
        camera_mode=colmap.CameraMode.SINGLE, extraction_options=extraction, device=colmap.Device.cpu,
    )  # fmt: skip
    match = colmap.match_exhaustive if len(frames) <= EXHAUSTIVE_UP_TO else colmap.match_sequential
    match(path, matching_options=matching, device=colmap.Device.cpu)
    return since(begun)


def mapped(mapper: str, work: Path) -> dict[str, Any]:
    """``incremental`` or ``global`` mapping alone, from the database; the largest model stays for ``finished``."""
    colmap = _colmap()
    frames = load_capture(work / "capture").frames
    out = work / mapper
    out.mkdir()
    begun = clock()
    models = getattr(colmap, f"{mapper}_mapping")(work / "plain.db", frames[0].path.parent, out)
    took = since(begun)
    by_size = sorted(models.values(), key=lambda model: -model.num_reg_images())
    solution = solution_of(by_size[0], [frame.path.name for frame in frames]) if by_size else None
    if solution is not None:
        solution.save(_kept(mapper, work))
    return {
        "names": [] if solution is None else [frames[i].name for i in solution.frame_numbers],
        "poses": [] if solution is None else solution.cam_from_world.tolist(),
        "others": [model.num_reg_images() for model in by_size[1:]],
        **took,
    }


def _kept(mapper: str, work: Path) -> Path:
    return work / f"{mapper}.npz"


def finished(mapper: str, work: Path) -> SfmResult:
    """What ``mapped`` found, filtered, undistorted and set upright as ours is: only cameras and points differ.

    Raises:
        RegistrationError: ours would have refused it.
    """
    folder = work / f"{mapper}.sfm"
    (folder / IMAGES).mkdir(parents=True)
    frames = load_capture(work / "capture").frames
    return finish(Solution.load(_kept(mapper, work)), frames, folder, for_quality("preview").sfm, silent)


def solution_of(model: Any, names: Sequence[str]) -> Solution:
    """A pycolmap ``Reconstruction`` as our solver would hand it over; ``names``: of the film's picture files."""
    number = {name: i for i, name in enumerate(names)}
    images = sorted((model.images[i] for i in model.reg_image_ids()), key=lambda image: number[image.name])
    row_of = {image.image_id: row for row, image in enumerate(images)}
    poses = np.tile(np.eye(4), (len(images), 1, 1))
    for pose, image in zip(poses, images, strict=True):
        pose[:3] = image.cam_from_world().matrix()
    points = list(model.points3D.values())
    seen = [(row_of[seen.image_id], i) for i, point in enumerate(points) for seen in point.track.elements]
    rows, of_points = np.array(seen, np.int64).reshape(-1, 2).T
    camera = images[0].camera
    focal, cx, cy, k = (float(value) for value in camera.params)
    places = np.array([point.xyz for point in points], np.float64).reshape(-1, 3)
    centers = -np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3])
    return Solution(
        lens=np.array([focal, cx, cy, k, camera.width, camera.height], np.float64),
        frames=np.array([number[image.name] for image in images], np.int64),
        cam_from_world=poses,
        points=places,
        colors=np.array([point.color for point in points], np.uint8).reshape(-1, 3),
        # Plain measures in px of the whole picture; the limit for good points is in px of the reduced one.
        errors=np.array([point.error for point in points]) * min(1, SIDE / max(camera.width, camera.height)),
        is_assumed=np.zeros(len(points), np.bool_),
        track_lengths=np.bincount(of_points, minlength=len(points)),
        angles=widest_angles(places, centers, rows, of_points),
        observation_frames=rows,
        observation_points=of_points,
        support=np.ones(len(images) - 1),  # plain does not ask its matches
        other_models=np.zeros(0, np.int64),
    )  # fmt: skip
