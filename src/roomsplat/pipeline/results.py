"""The last stage of the line: everything that is made from a finished training."""

import shutil
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from roomsplat.capture.extract import Capture
from roomsplat.core.images import Frame
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import Progress, ReportProgress, RunWarning
from roomsplat.core.scene import SplatScene
from roomsplat.pipeline.compare import ComparedView, compare_views
from roomsplat.pipeline.config import PipelineConfig
from roomsplat.pipeline.export import (
    LIVE,
    export_pictures,
    export_scene,
    replace_folder,
    write_cameras,
    write_formats,
)
from roomsplat.pipeline.findings import Findings, study
from roomsplat.pipeline.mesh_step import make_mesh
from roomsplat.pipeline.peak import peak_memory
from roomsplat.pipeline.presets import Quality
from roomsplat.pipeline.summary import RunSummary
from roomsplat.pipeline.training_files import Trained
from roomsplat.pipeline.workspace import Workspace, shown_name
from roomsplat.render.base import Engine
from roomsplat.sfm.shares import part


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A finished training and what it came from."""

    source: Path
    """The film or folder."""
    out: Path
    """The folder of results."""
    quality: Quality
    """The preset."""
    capture: Capture
    """Its pictures."""
    frames: Sequence[Frame]
    """Those with a camera, in the order of ``model``."""
    num_placed: int
    """Of these, frames that matching had lost."""
    model: SparseModel
    """Cameras, as training left them, and points."""
    trained: Trained
    """The Gaussians and their figures."""
    key: str
    """Of the training, for what depends on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was made."""

    scene: SplatScene
    """The splat; also in ``scene.ply``."""
    views: tuple[ComparedView, ...]
    """Pictures of the film beside the scene."""
    findings: Findings
    """What film and scene show."""
    files: list[str]
    """Names in the folder of results."""
    seconds: dict[str, float]
    """What each part took."""
    warnings: list[RunWarning]
    """What the user should know."""


def write_results(
    fitted: Fitted, engine: Engine, workspace: Workspace, config: PipelineConfig, report: ReportProgress
) -> Results:
    """Write the scene in every format, cameras, mesh, pictures and tour; look at them for the report."""
    out, model, trained, seconds = fitted.out, fitted.model, fitted.trained, dict[str, float]()
    files, warnings = ["scene.ply", "cameras", "thumbnail.jpg", "preview.png"], list[RunWarning]()
    with _timed(seconds, "formats"):
        report(Progress(fraction=0.02, message="writing the scene"))
        scene = export_scene(out, fitted.source, model, trained, config)
        written, missing = write_formats(out, scene, config.export.formats)
        files += written
        warnings += missing
        replace_folder(
            write_cameras(out / "cameras", model, fitted.frames, trained.exposures), out / "cameras"
        )
    with _timed(seconds, "mesh"):
        mesh = make_mesh(workspace, engine, scene, model, config.mesh, fitted.key, part(report, 0.1, 0.5))
        files += mesh.files
        warnings += mesh.warnings
    with _timed(seconds, "pictures"):
        report(Progress(fraction=0.5, message="rendering the preview"))
        views = compare_views(
            engine, scene, model.posed_images, fitted.frames, trained.scores, trained.exposures
        )
        export_pictures(out, engine, scene, model, views, config.export, part(report, 0.5, 0.9))
        files += ["tour.mp4"] if config.export.tour_seconds else []
    with _timed(seconds, "report"):
        report(Progress(fraction=0.92, message="studying the film"))
        placed = workspace.folder("posefree")
        findings = study(engine, scene, model, fitted.capture, fitted.frames, trained, placed)
    files.append("report.html")
    shutil.rmtree(out / LIVE, ignore_errors=True)  # last: whoever was told of it a moment ago still finds it
    return Results(
        scene=scene, views=views, findings=findings, files=files, seconds=seconds, warnings=warnings
    )


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Generator[None]:
    started = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - started, 3)


def summarise(fitted: Fitted, results: Results, engine: Engine) -> RunSummary:
    """The figures of the run, but for its times and warnings."""
    trained, frames, scores = fitted.trained, fitted.frames, fitted.trained.scores
    return RunSummary(
        source=shown_name(fitted.source),
        frames_extracted=len(fitted.capture.frames),
        frames_registered=len(frames),
        frames_placed=fitted.num_placed,
        num_gaussians=len(results.scene.gaussians),
        engine=engine.name,
        quality=fitted.quality,
        eval_psnr=trained.psnr,
        eval_ssim=trained.ssim,
        eval_corrected_psnr=float(np.mean([one.corrected_psnr for one in scores])) if scores else None,
        cameras_moved=None if trained.motion is None else asdict(trained.motion),
        floaters=None if trained.floaters is None else asdict(trained.floaters),
        ate_percent=None,
        stage_seconds={},
        export_seconds=results.seconds,
        train_size=trained.train_size,
        num_steps=trained.num_steps,
        scale=results.scene.scale,
        upright=asdict(fitted.model.stance),
        memory_mb=peak_memory(engine),
        held_out=[
            {"name": frames[one.index].name, **{k: v for k, v in asdict(one).items() if k != "index"}}
            for one in scores
        ],
        advice=[asdict(one) for one in results.findings.advice],
        files=results.files,
    )
