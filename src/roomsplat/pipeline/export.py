"""Everything that a run leaves for the user: the scene, the cameras, pictures and a fly-through."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat._version import __version__
from roomsplat.core.images import Frame
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import ReportProgress, RunWarning
from roomsplat.core.scene import SplatScene
from roomsplat.errors import RoomsplatError
from roomsplat.formats.colmap import ColmapModel, write_colmap
from roomsplat.formats.nerfstudio import TransformsFile, write_transforms
from roomsplat.formats.ply import write_ply
from roomsplat.formats.scene_files import write_scene
from roomsplat.media.images import write_image
from roomsplat.media.masks import MASKS
from roomsplat.pipeline.compare import ComparedView
from roomsplat.pipeline.config import FORMATS, ExportConfig, PipelineConfig
from roomsplat.pipeline.finished import write_frames
from roomsplat.pipeline.tour import TOUR_MAX_SIDE, tour_cameras, within, write_tour
from roomsplat.pipeline.training_files import Trained
from roomsplat.pipeline.workspace import shown_name
from roomsplat.render.base import Engine

MESH_FILES = ("mesh.obj", "mesh.mtl", "mesh.png", "mesh.jpg", "mesh.glb", "mesh.ply", "plan.svg")
"""What ``work/mesh`` may leave."""
MADE_FROM_SCENE = (
    "run.json",
    "report.html",
    "tour.mp4",
    *(f"scene.{name}" for name in FORMATS),
    *MESH_FILES,
)
"""What describes a scene, beside ``scene.ply`` itself."""
LIVE = "live"
"""The folder of what is shown until the scene is there."""


def export_scene(
    out: Path, source: Path, model: SparseModel, trained: Trained, config: PipelineConfig
) -> SplatScene:
    """Write ``scene.ply``; what describes an older scene goes first."""
    for stale in MADE_FROM_SCENE:
        (out / stale).unlink(missing_ok=True)
    scene = SplatScene(
        gaussians=trained.gaussians,
        splat_model=trained.splat_model,
        scale=model.scale,
        provenance={
            "generator": f"roomsplat {__version__}",
            "source": shown_name(source),
            "quality": config.quality,
            **({"scale_from": config.scale or ""} if model.scale == "metric" else {}),
        },
    )
    write_ply(out / "scene.ply", scene)
    return scene


def write_formats(out: Path, scene: SplatScene, formats: Sequence[str]) -> tuple[list[str], list[RunWarning]]:
    """Write ``scene.NAME`` for each of ``formats``: the files' names, and why any is missing.

    ``scene.ply`` is there already, so one that cannot be written is a warning: a page needs the built viewer.
    """
    names, warnings = list[str](), list[RunWarning]()
    for name in (f"scene.{suffix}" for suffix in formats):
        try:
            write_scene(out / name, scene)
            names.append(name)
        except RoomsplatError as error:
            message = f"{name} was left out; scene.ply holds all of it. {error.message} {error.hint}"
            warnings.append(RunWarning(code="format_failed", message=message))
    return names, warnings


def write_cameras(
    folder: Path,
    model: SparseModel,
    frames: Sequence[Frame],
    exposures: NDArray[np.float64] | None = None,
) -> Path:
    """Write the cameras for other tools: ``images/``, a COLMAP model in ``sparse/0`` and ``transforms.json``.

    Where the user gave masks, ``masks/`` as well.

    The pictures are the undistorted ones that the cameras belong to, hard-linked where the file system can. Everything
    lies in a folder beside ``folder``, which is given back and for ``replace_folder`` to put there.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "images").mkdir(parents=True)
    images = model.posed_images
    names = tuple(path.name for path in images.image_paths)
    for path in images.image_paths:
        _link_or_copy(path, part / "images" / path.name)
    masks = [None if mask is None else f"{MASKS}/{mask.name}" for mask in images.mask_paths]
    for mask in filter(None, images.mask_paths):
        (part / MASKS).mkdir(exist_ok=True)
        _link_or_copy(mask, part / MASKS / mask.name)
    write_colmap(
        part / "sparse" / "0", ColmapModel(cameras=images.cameras, image_names=names, points=model.points)
    )
    times = np.asarray([frame.timestamp_s for frame in frames], np.float64)
    paths = tuple(f"images/{name}" for name in names)
    write_transforms(
        part / "transforms.json",
        TransformsFile(
            cameras=images.cameras,
            image_paths=paths,
            mask_paths=tuple(masks),
            timestamps_s=times,
            scale=model.scale,
        ),
    )
    write_frames(part / "frames.json", images, tuple(frames), exposures)
    return part


def replace_folder(part: Path, folder: Path) -> None:
    """Give ``part`` the name of ``folder``, whose content goes."""
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def export_pictures(
    out: Path,
    engine: Engine,
    scene: SplatScene,
    model: SparseModel,
    views: Sequence[ComparedView],
    config: ExportConfig,
    report: ReportProgress,
) -> None:
    """Write ``preview.png``, the most ordinary of ``views``, and ``tour.mp4``."""
    write_image(out / "preview.png", views[len(views) // 2].rendered)
    if config.tour_seconds > 0:
        views_along = within(model.posed_images.cameras, TOUR_MAX_SIDE)
        cameras = tour_cameras(views_along, seconds=config.tour_seconds)
        write_tour(out / "tour.mp4", engine, scene, cameras, report=report)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)
