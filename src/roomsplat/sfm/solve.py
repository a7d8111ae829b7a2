"""Frames to posed, undistorted images and sparse points: the stage."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.images import Frame, PosedImages
from roomsplat.core.point_cloud import PointCloud, SparseModel
from roomsplat.core.progress import ReportProgress, silent
from roomsplat.errors import OutputError, RegistrationError
from roomsplat.formats.colmap import ColmapModel, write_colmap
from roomsplat.media.images import read_image
from roomsplat.media.masks import mask_of
from roomsplat.sfm.child import run_solver
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.lines import find_edges
from roomsplat.sfm.manifest import IMAGES, SPARSE, SfmResult, load_sfm, save_sfm
from roomsplat.sfm.orient import Upright, stand_upright, transform_poses
from roomsplat.sfm.quality import FILM_HINT, NoModelError, measure, refuse_bad, warnings_of
from roomsplat.sfm.shares import part
from roomsplat.sfm.solution import Lens, Solution
from roomsplat.sfm.undistort import pinhole_of, undistort_images

__all__ = ["SfmResult", "finish", "load_sfm", "solve_cameras"]

SOLVER_SHARE = 0.92  # of the stage's time; the rest is undistortion
MAX_POINT_ERROR_PX = 2.0
MIN_POINT_ANGLE_DEG = 1.0


def solve_cameras(
    frames: Sequence[Frame], out_dir: Path, config: SfmConfig, report: ReportProgress = silent
) -> SfmResult:
    """Find the cameras of the frames of one film, all taken with one lens.

    ``out_dir`` exists and is empty; it gets ``images/`` (undistorted), ``sparse/`` (COLMAP model) and ``sfm.json``.
    World +z is up, z = 0 the floor where it was seen, the scale arbitrary (``orient.py``). The same frames,
    configuration and thread count give the same result on the same machine.

    Raises:
        RegistrationError: no usable solution; the hint says how to film.
        InvalidFileError: a frame cannot be read.
        OutputError: a result cannot be written.
    """
    if len(frames) < config.min_model_frames:
        raise RegistrationError(
            f"{len(frames)} frames are too few to find cameras.",
            hint=f"Give at least {config.min_model_frames}.",
        )
    work = out_dir / "work"
    images = out_dir / IMAGES
    try:
        work.mkdir()
        images.mkdir()
    except OSError as error:
        raise OutputError(
            f"{out_dir} could not be written ({error.strerror}).", hint="Choose another output folder."
        ) from error
    try:
        solution = run_solver([frame.path for frame in frames], work, config, part(report, 0, SOLVER_SHARE))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if solution is None:
        raise NoModelError(
            "No two frames could be placed in one room: the camera did not move, or there is too little to hold on to.",
            hint=FILM_HINT,
        )
    return finish(solution, frames, out_dir, config, part(report, SOLVER_SHARE, 1))


def finish(
    solution: Solution, frames: Sequence[Frame], out_dir: Path, config: SfmConfig, report: ReportProgress
) -> SfmResult:
    """Check a solution, turn it upright, undistort the pictures and write; ``out_dir`` has an empty ``images/``.

    Raises:
        RegistrationError: the check failed.
        InvalidFileError: a frame cannot be read.
        OutputError: a result cannot be written.
    """
    height, width = read_image(frames[0].path).shape[:2]
    lens = solution.camera.resized(width, height)
    keep = good_points(solution)
    quality = measure(solution, frames, solution.centers, keep, scale=lens.focal / solution.camera.focal)
    refuse_bad(quality, config)
    registered = tuple(frames[i] for i in solution.frame_numbers)
    pinhole = pinhole_of(lens)
    sources = [frame.path for frame in registered]
    paths = undistort_images(sources, out_dir / IMAGES, lens, pinhole, report, threads=config.threads)
    upright = _stand(solution, keep, paths, pinhole, config, registered)
    world = upright.from_world
    quality = replace(quality, path_length=quality.path_length * world.scale)
    model = SparseModel(
        posed_images=PosedImages(
            cameras=_cameras(transform_poses(solution.cam_from_world, world), pinhole),
            image_paths=paths,
            mask_paths=tuple(mask_of(path) for path in paths),
            is_eval=np.zeros(len(paths), np.bool_),
        ),
        points=PointCloud(
            positions=world.apply(solution.points[keep]).astype(np.float32),
            colors=solution.colors[keep],
            errors=(solution.errors[keep] * lens.focal / solution.camera.focal).astype(np.float32),
            track_lengths=solution.track_lengths[keep].astype(np.int32),
        ),
        scale="arbitrary",
        num_input_images=len(frames),
        stance=upright.stance,
    )
    names = tuple(path.name for path in paths)
    write_colmap(
        out_dir / SPARSE,
        ColmapModel(cameras=model.posed_images.cameras, image_names=names, points=model.points),
    )
    result = SfmResult(
        model=model, quality=quality, frames=registered, warnings=warnings_of(quality, solution, frames)
    )
    save_sfm(out_dir, result)
    return result


def _stand(
    solution: Solution,
    keep: NDArray[np.bool_],
    paths: Sequence[Path],
    pinhole: Lens,
    config: SfmConfig,
    frames: Sequence[Frame],
) -> Upright:
    """How to stand the solver's world up, from the undistorted pictures at ``paths`` and the measured points."""
    edges = find_edges(paths, _cameras(solution.cam_from_world, pinhole), threads=config.threads)
    measured = keep & ~solution.is_assumed
    felt = np.array([frame.acceleration or (np.nan,) * 3 for frame in frames], np.float64)
    return stand_upright(solution.cam_from_world, solution.points[measured], _depths(solution), edges, felt)


def good_points(solution: Solution) -> NDArray[np.bool_]:
    """(p,) points that training should start from: seen thrice or under a fair angle, and placed well.

    Points of assumed distance stay: the cameras that see them have no parallax, so any distance looks right to them.
    """
    seen = (solution.track_lengths >= 3) | (solution.angles >= 2 * MIN_POINT_ANGLE_DEG)
    measured = (solution.errors <= MAX_POINT_ERROR_PX) & (solution.angles >= MIN_POINT_ANGLE_DEG) & seen
    return measured | solution.is_assumed


def _depths(solution: Solution) -> NDArray[np.float64]:
    """(o,) distance of each observed point from the camera that saw it."""
    rays = solution.points[solution.observation_points] - solution.centers[solution.observation_frames]
    return np.linalg.norm(rays, axis=1)


def _cameras(poses: NDArray[np.float64], pinhole: Lens) -> Cameras:
    intrinsics = np.tile([pinhole.focal, pinhole.focal, pinhole.cx, pinhole.cy], (len(poses), 1))
    return Cameras(
        intrinsics=intrinsics.astype(np.float32),
        cam_from_world=poses.astype(np.float32),
        width=pinhole.width,
        height=pinhole.height,
    )
