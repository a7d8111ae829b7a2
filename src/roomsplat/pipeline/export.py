"""Everything that a run leaves for the user: the scene, the cameras, pictures and a fly-through."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat._version import __version__
from roomsplat.core.images import Frame, PosedImages
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.core.scene import SplatScene
from roomsplat.formats.colmap import ColmapModel, write_colmap
from roomsplat.formats.nerfstudio import TransformsFile, write_transforms
from roomsplat.formats.ply import write_ply
from roomsplat.media.images import read_image, write_image
from roomsplat.pipeline.config import ExportConfig, PipelineConfig
from roomsplat.pipeline.finished import write_frames
from roomsplat.pipeline.tour import TOUR_MAX_SIDE, tour_cameras, within, write_tour
from roomsplat.pipeline.training_files import Trained
from roomsplat.render.base import Engine
from roomsplat.render.view import prepare_scene, render_8bit

LIVE = "live"
"""The folder of what is shown until the scene is there."""
REPORT_VIEWS = 6
"""Captured pictures beside their rendering in the report: enough to judge, small enough to mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedView:
    """One picture as it was filmed and as the splat shows it."""

    frame: Frame
    """The captured frame."""
    is_eval: bool
    """Whether training never saw it."""
    captured: NDArray[np.uint8]
    """(h, w, 3)."""
    rendered: NDArray[np.uint8]
    """(h, w, 3)."""


def export_scene(
    out: Path, source: Path, model: SparseModel, trained: Trained, config: PipelineConfig
) -> SplatScene:
    """Write ``scene.ply``; what describes an older scene goes first."""
    for stale in ("run.json", "report.html", "tour.mp4"):
        (out / stale).unlink(missing_ok=True)
    scene = SplatScene(
        gaussians=trained.gaussians,
        splat_model=trained.splat_model,
        scale=model.scale,
        provenance={
            "generator": f"roomsplat {__version__}",
            "source": source.name,
            "quality": config.quality,
        },
    )
    write_ply(out / "scene.ply", scene)
    return scene


def write_cameras(folder: Path, model: SparseModel, frames: Sequence[Frame]) -> Path:
    """Write the cameras for other tools: ``images/``, a COLMAP model in ``sparse/0`` and ``transforms.json``.

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
    write_colmap(
        part / "sparse" / "0", ColmapModel(cameras=images.cameras, image_names=names, points=model.points)
    )
    times = np.asarray([frame.timestamp_s for frame in frames], np.float64)
    paths = tuple(f"images/{name}" for name in names)
    write_transforms(
        part / "transforms.json",
        TransformsFile(cameras=images.cameras, image_paths=paths, timestamps_s=times),
    )
    write_frames(part / "frames.json", images, tuple(frames))
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
    frames: Sequence[Frame],
    config: ExportConfig,
    report: ReportProgress,
) -> tuple[ComparedView, ...]:
    """Write ``preview.png`` and ``tour.mp4``; returns captured and rendered pictures side by side for the report."""
    report(Progress(fraction=0.05, message="rendering the preview"))
    views = compare_views(engine, scene, model.posed_images, frames)
    write_image(out / "preview.png", views[len(views) // 2].rendered)
    if config.tour_seconds > 0:
        views_along = within(model.posed_images.cameras, TOUR_MAX_SIDE)
        cameras = tour_cameras(views_along, seconds=config.tour_seconds)

        def tour_report(progress: Progress) -> None:
            report(Progress(fraction=0.2 + 0.8 * progress.fraction, message=progress.message))

        write_tour(out / "tour.mp4", engine, scene, cameras, report=tour_report)
    shutil.rmtree(out / LIVE, ignore_errors=True)  # last: whoever was told of it a moment ago still finds it
    return views


def compare_views(
    engine: Engine, scene: SplatScene, images: PosedImages, frames: Sequence[Frame]
) -> tuple[ComparedView, ...]:
    """Render up to ``REPORT_VIEWS`` captured pictures, held-out ones where there are some, evenly spread."""
    candidates = np.flatnonzero(images.is_eval) if images.is_eval.any() else np.arange(len(images.cameras))
    spread = np.linspace(0, len(candidates) - 1, min(REPORT_VIEWS, len(candidates))).round().astype(np.int64)
    splats, settings = prepare_scene(engine, scene)
    return tuple(
        ComparedView(
            frame=frames[index],
            is_eval=bool(images.is_eval[index]),
            captured=read_image(images.image_paths[index]),
            rendered=render_8bit(engine, splats, images.cameras.pinhole(index), settings),
        )
        for index in (int(i) for i in candidates[spread])
    )


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)
